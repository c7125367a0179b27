/// What a path is made of.
package struct TemplateInput: Sendable {
    package var tags: Tags
    /// Whether the album has several discs.
    package var multidisc: Bool
    /// The file's own name with its extension, as text.
    package var fileName: String
    /// The file's extension as `Names.fileExtension` gives it: in lower case, without its dot.
    package var format: String

    package init(tags: Tags, multidisc: Bool, fileName: String, format: String) {
        self.tags = tags
        self.multidisc = multidisc
        self.fileName = fileName
        self.format = format
    }
}

/// How a track's path is made of its tags (D1 to D3). Parsed once; a tag's value is never read as a template.
///
/// Slashes of the template separate components, also inside of functions; slashes of tags never do. A component that
/// would begin with a dot begins with `_`: such names are MusicFS's own.
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
    /// There is at least one. Each is safe, in normalisation form C, and has 1 to 255 bytes. The last ends in the file's
    /// extension, whether the template says so or not.
    package func path(for input: TemplateInput) -> [String] {
        var writer = PathWriter()
        let evaluator = TemplateEvaluator(input: input)
        evaluator.write(nodes, to: &writer)
        return writer.components(format: input.format)
    }
}

/// Where files without readable tags are shown, under their own names (D3).
package enum UnreadablePath {
    package static let directory = ["Unknown Artist", "Unknown Album"]
}
