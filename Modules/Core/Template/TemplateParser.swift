/// Reads a template's text once, by recursive descent.
struct TemplateParser {
    private let characters: [Character]
    private var position = 0
    private var depth = 0

    static let longest = 4096
    static let deepest = 32

    init(_ text: String) { characters = Array(text) }

    mutating func parse() throws(TemplateError) -> [TemplateNode] {
        guard characters.count <= TemplateParser.longest else {
            throw TemplateError(message: "a template has at most \(TemplateParser.longest) characters", column: 1)
        }
        return try sequence(inArgument: false)
    }

    private var next: Character? { position < characters.count ? characters[position] : nil }

    private func error(_ message: String, at position: Int) -> TemplateError {
        TemplateError(message: message, column: position + 1)
    }

    /// Pieces up to the end, or in an argument up to its comma or brace.
    private mutating func sequence(inArgument: Bool) throws(TemplateError) -> [TemplateNode] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateParser.deepest else { throw error("functions are nested too deeply", at: position) }
        var nodes: [TemplateNode] = []
        var literal = ""
        while let character = next, !(inArgument && (character == "," || character == "}")) {
            switch character {
            case "$", "%":
                let start = position
                position += 1
                if let escaped = escape(character) {
                    literal.append(escaped)
                    continue
                }
                if !literal.isEmpty { nodes.append(.literal(literal)) }
                literal = ""
                nodes.append(character == "$" ? try variable(from: start) : try function(from: start))
            default:
                literal.append(character)
                position += 1
            }
        }
        if !literal.isEmpty { nodes.append(.literal(literal)) }
        return nodes
    }

    /// `$$`, `%%`, `$,` and `$}`.
    private mutating func escape(_ first: Character) -> Character? {
        guard let second = next else { return nil }
        let isEscape = first == second || (first == "$" && (second == "," || second == "}"))
        guard isEscape else { return nil }
        position += 1
        return second
    }

    private mutating func name() -> String {
        var name = ""
        while let character = next, character.isASCII, character.isLetter || character.isNumber || character == "_" {
            name.append(character)
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
        position += 1
        var arguments: [[TemplateNode]] = [try sequence(inArgument: true)]
        while next == "," {
            position += 1
            arguments.append(try sequence(inArgument: true))
        }
        guard next == "}" else { throw error("'%\(name){' without its '}'", at: start) }
        position += 1
        guard let known else {
            guard arguments.count == 2 || arguments.count == 3 else {
                throw error("'%if' takes a condition, a text and perhaps another", at: start)
            }
            return .condition(arguments[0], then: arguments[1], otherwise: arguments.count == 3 ? arguments[2] : [])
        }
        guard arguments.count == known.argumentCount else {
            let count = known.argumentCount
            throw error("'%\(name)' takes \(count) argument\(count == 1 ? "" : "s")", at: start)
        }
        return .call(known, arguments)
    }

    private func unknown(_ kind: String, _ sign: String, _ name: String, _ known: [String]) -> String {
        guard let nearest = nearestKey(to: name, among: known) else { return "there is no \(kind) \(sign)\(name)" }
        return "there is no \(kind) \(sign)\(name); did you mean \(sign)\(nearest)?"
    }
}
