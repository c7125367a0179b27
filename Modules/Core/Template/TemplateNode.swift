/// A parsed template: pieces in their order.
indirect enum TemplateNode: Hashable, Sendable {
    /// Text of the template itself; its slashes separate components.
    case literal(String)
    case variable(TemplateVariable)
    case condition([TemplateNode], then: [TemplateNode], otherwise: [TemplateNode])
    case call(TemplateFunction, [[TemplateNode]])
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

/// The functions of D2 but `%if`, with the meaning that beets gives them
/// (beets.readthedocs.io/en/stable/reference/pathformat.html).
enum TemplateFunction: String, CaseIterable, Hashable, Sendable {
    case upper, lower, title, left, right, first, asciify, the

    var argumentCount: Int {
        switch self {
        case .left, .right: 2
        default: 1
        }
    }

    func apply(_ arguments: [String]) -> String {
        let text = arguments.first ?? ""
        switch self {
        case .upper: return UnicodeText.uppercased(text)
        case .lower: return UnicodeText.lowercased(text)
        case .title: return UnicodeText.titlecased(text)
        case .left: return String(text.prefix(count(arguments)))
        case .right: return String(text.suffix(count(arguments)))
        case .first:
            let item = text.split(separator: ";").first.map(String.init) ?? ""
            return String(item.drop { $0 == " " })
        case .asciify: return UnicodeText.asciified(text)
        case .the: return withArticleLast(text)
        }
    }

    private func count(_ arguments: [String]) -> Int {
        arguments.count > 1 ? max(0, min(Int(arguments[1].filter { $0 != " " }) ?? 0, 4096)) : 0
    }

    /// `The Beatles` becomes `Beatles, The`.
    private func withArticleLast(_ text: String) -> String {
        for article in ["the", "a", "an"] {
            let words = text.split(separator: " ", maxSplits: 1)
            if words.count == 2, words[0].lowercased() == article { return "\(words[1]), \(words[0])" }
        }
        return text
    }
}
