/// A parsed template: pieces in their order.
indirect enum TemplateNode: Hashable, Sendable {
    /// Text of the template itself, sanitised; `separator` stands for its slashes.
    case literal(String)
    case variable(TemplateVariable)
    case condition([TemplateNode], then: [TemplateNode], otherwise: [TemplateNode])
    case call(TemplateFunction, [[TemplateNode]])

    /// What separates components while a template is filled in. No sanitised text holds it, so that functions can be
    /// applied to the template's own slashes and to values together, and values still make no component.
    static let separator: Character = "\0"

    /// Sanitises what is between the separators, which become ours.
    static func sanitised(_ text: String, separator: Unicode.Scalar) -> String {
        // By scalars: an accent behind a slash would make another character of it.
        text.unicodeScalars.split(separator: separator, omittingEmptySubsequences: false)
            .map { Names.sanitised(String($0)) }.joined(separator: String(TemplateNode.separator))
    }

    /// The text of nodes that are literals only; nil where anything else is among them.
    static func literalText(_ nodes: [TemplateNode]) -> String? {
        var result = ""
        for node in nodes {
            guard case .literal(let text) = node else { return nil }
            result += text
        }
        return result
    }
}

/// What `$name` can stand for.
enum TemplateVariable: Hashable, Sendable {
    case tag(TagField)
    /// The album's artist, as D1 defines it.
    case albumArtist
    case multidisc
    case year
    case format
    case formatUpper

    static let derived: [String: TemplateVariable] = [
        "albumartist": .albumArtist, "multidisc": .multidisc, "year": .year, "format": .format,
        "format_upper": .formatUpper,
    ]

    init?(name: String) {
        if let derived = TemplateVariable.derived[name] {
            self = derived
        } else if let field = TagField(rawValue: name) {
            self = .tag(field)
        } else {
            return nil
        }
    }

    static var allNames: [String] { derived.keys.sorted() + TagField.allCases.map(\.rawValue) }
}
