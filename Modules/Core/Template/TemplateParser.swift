/// Reads a template's text once, by recursive descent.
struct TemplateParser {
    /// Scalars rather than characters, so that an accent behind a slash or a comma does not hide it.
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    /// Bytes.
    static let longest = 4096
    /// Functions inside of each other.
    static let deepest = 32

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(TemplateError) -> [TemplateNode] {
        guard scalars.reduce(0, { $0 + UTF8.width($1) }) <= TemplateParser.longest else {
            throw error("a template has at most \(TemplateParser.longest) bytes", at: 0)
        }
        if let control = scalars.firstIndex(where: { $0.value < 0x20 || $0.value == 0x7f }) {
            throw error("a template cannot hold control characters", at: control)
        }
        let nodes = try sequence(inArgument: false)
        guard !nodes.isEmpty else { throw error("a template cannot be empty", at: 0) }
        return nodes
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func error(_ message: String, at position: Int) -> TemplateError {
        let before = String(String.UnicodeScalarView(scalars[..<position]))
        return TemplateError(message: message, column: before.count + 1)
    }

    /// Pieces up to the end, or in an argument up to its comma or brace.
    private mutating func sequence(inArgument: Bool) throws(TemplateError) -> [TemplateNode] {
        var nodes: [TemplateNode] = []
        var literal = String.UnicodeScalarView()
        func flush() {
            if literal.isEmpty { return }
            nodes.append(.literal(TemplateNode.sanitised(String(literal), separator: "/")))
            literal.removeAll()
        }
        while let scalar = next, !(inArgument && (scalar == "," || scalar == "}")) {
            let start = position
            position += 1
            if scalar != "$", scalar != "%" {
                literal.append(scalar)
            } else if let escaped = escape(scalar) {
                literal.append(escaped)
            } else {
                flush()
                nodes.append(scalar == "$" ? try variable(from: start) : try function(from: start))
            }
        }
        flush()
        return nodes
    }

    /// `$$`, `%%`, `$,` and `$}`.
    private mutating func escape(_ first: Unicode.Scalar) -> Unicode.Scalar? {
        guard let second = next else { return nil }
        let isEscape = first == second || (first == "$" && (second == "," || second == "}"))
        guard isEscape else { return nil }
        position += 1
        return second
    }

    private mutating func name() -> String {
        var name = ""
        while let scalar = next,
            scalar == "_" || (scalar.isASCII && scalar.properties.isAlphabetic)
                || ("0"..."9").contains(scalar)
        {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        return name
    }

    private mutating func variable(from start: Int) throws(TemplateError) -> TemplateNode {
        let isBraced = next == "{"
        if isBraced { position += 1 }
        let name = name()
        if isBraced {
            guard next == "}" else { throw error("'${' without its '}'", at: start) }
            position += 1
        }
        guard !name.isEmpty else { throw error("'$' without a name; write '$$' for a dollar sign", at: start) }
        guard let variable = TemplateVariable(name: name) else {
            throw error(unknown("variable", "$", name, TemplateVariable.allNames), at: start)
        }
        return .variable(variable)
    }

    private mutating func function(from start: Int) throws(TemplateError) -> TemplateNode {
        let name = name()
        guard !name.isEmpty else { throw error("'%' without a name; write '%%' for a percent sign", at: start) }
        let known = TemplateFunction(rawValue: name)
        guard name == "if" || known != nil else {
            let names = ["if"] + TemplateFunction.allCases.map(\.rawValue)
            throw error(unknown("function", "%", name, names), at: start)
        }
        guard next == "{" else { throw error("'%\(name)' needs its arguments in '{' and '}'", at: start) }
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateParser.deepest else { throw error("functions are nested too deeply", at: start) }
        let (arguments, last) = try argumentList(of: name, from: start)
        guard let known else {
            guard arguments.count == 2 || arguments.count == 3 else {
                throw error("'%if' takes a condition, a text and perhaps another", at: start)
            }
            return .condition(arguments[0], then: arguments[1], otherwise: arguments.count == 3 ? arguments[2] : [])
        }
        guard arguments.count == known.argumentCount else {
            let count = known.argumentCount
            let hint = arguments.count > count ? "; write '$,' for a comma" : ""
            throw error("'%\(name)' takes \(count) argument\(count == 1 ? "" : "s")\(hint)", at: start)
        }
        if known.takesCount, let text = TemplateNode.literalText(arguments[1]), TemplateFunction.count(text) == nil {
            throw error("'%\(name)' takes a number of characters as its second argument", at: last)
        }
        return .call(known, arguments)
    }

    /// What is in a function's braces, and where the last argument begins.
    private mutating func argumentList(
        of name: String, from start: Int
    ) throws(TemplateError) -> (arguments: [[TemplateNode]], last: Int) {
        var arguments: [[TemplateNode]] = []
        var last = position
        repeat {
            position += 1
            last = position
            arguments.append(try sequence(inArgument: true))
        } while next == ","
        guard next == "}" else { throw error("'%\(name){' without its '}'", at: start) }
        position += 1
        return (arguments, last)
    }

    private func unknown(_ kind: String, _ sign: String, _ name: String, _ known: [String]) -> String {
        guard let nearest = nearestKey(to: name, among: known) else { return "there is no \(kind) \(sign)\(name)" }
        return "there is no \(kind) \(sign)\(name); did you mean \(sign)\(nearest)?"
    }
}
