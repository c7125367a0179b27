/// What a path is made of.
package struct TemplateInput: Sendable {
    package var tags: Tags
    /// Whether the album has several discs.
    package var multidisc: Bool
    /// The file's own name with its extension.
    package var fileName: String
    /// The file's extension in lower case, without its dot.
    package var format: String

    package init(tags: Tags, multidisc: Bool, fileName: String, format: String) {
        self.tags = tags
        self.multidisc = multidisc
        self.fileName = fileName
        self.format = format
    }
}

/// How a track's path is made of its tags (D1 to D3). Parsed once; a tag's value is never read as a template.
package struct PathTemplate: Hashable, Sendable {
    package let source: String
    private let nodes: [TemplateNode]
    /// Whether a path can depend on how many discs its album has.
    package let usesMultidisc: Bool

    /// The layout of D1.
    package static let standard: PathTemplate = {
        do {
            return try PathTemplate(parsing: standardSource)
        } catch { preconditionFailure("the standard template is wrong: \(error)") }
    }()

    private static let standardSource =
        "$albumartist/$album%if{$year, ($year)} [$format_upper]/%if{$multidisc,$disc-}%if{$track,$track - }$title.$format"

    /// - Throws: what is wrong, with its column and the nearest name that there is.
    package init(parsing text: String) throws(TemplateError) {
        var parser = TemplateParser(text)
        let nodes = try parser.parse()
        guard !nodes.isEmpty else { throw TemplateError(message: "a template cannot be empty", column: 1) }
        source = text
        self.nodes = nodes
        usesMultidisc = PathTemplate.contains(nodes, .multidisc)
    }

    private static func contains(_ nodes: [TemplateNode], _ variable: TemplateVariable) -> Bool {
        nodes.contains { node in
            switch node {
            case .literal: false
            case .variable(let other): other == variable
            case .condition(let condition, let then, let otherwise):
                [condition, then, otherwise].contains { contains($0, variable) }
            case .call(_, let arguments): arguments.contains { contains($0, variable) }
            }
        }
    }

    /// The components of a track's path, from the first directory to the file's name.
    ///
    /// Each is safe, in normalisation form C, and has 1 to 255 bytes. The name ends in the file's extension, whether the
    /// template says so or not.
    package func path(for input: TemplateInput) -> [String] {
        var writer = PathWriter()
        let evaluator = TemplateEvaluator(input: input)
        evaluator.write(nodes, to: &writer)
        return writer.components(extension: input.format)
    }
}

/// Where files without readable tags are shown, under their own names (D3).
package enum UnreadablePath {
    package static let directory = ["Unknown Artist", "Unknown Album"]
}

/// Collects a path's text, in components.
struct PathWriter {
    private var finished: [String] = []
    private var current = ""
    /// Bounds what a template can make of long tags.
    private static let longest = 4096

    /// Text of the template: slashes end a component.
    mutating func write(literal text: String) {
        if !text.utf8.contains(UInt8(ascii: "/")) { return append(Names.sanitised(text)) }
        var isFirst = true
        for part in text.split(separator: "/", omittingEmptySubsequences: false) {
            if !isFirst {
                finished.append(current)
                current = ""
            }
            isFirst = false
            append(Names.sanitised(String(part)))
        }
    }

    /// A value, which is one piece of a component whatever it holds.
    mutating func write(value: String) { append(Names.sanitised(value)) }

    private mutating func append(_ text: String) {
        if current.utf8.count < PathWriter.longest { current += text }
    }

    func components(extension format: String) -> [String] {
        // Slashes at the ends, or several in a row, make no component.
        var all = finished.filter { !$0.isEmpty }.map { Names.component($0) }
        var name = current
        if !format.isEmpty {
            let ending = "." + Names.sanitised(format)
            if name.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) {
                name = String(decoding: name.utf8.dropLast(ending.utf8.count), as: UTF8.self)
            }
            // A title of nothing but spaces would leave the extension alone, which would be hidden.
            name = Names.component(name) + ending
        }
        all.append(Names.component(name))
        return all
    }
}
