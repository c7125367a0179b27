/// The functions of D2 but `%if`, with the meaning that beets gives them
/// (beets.readthedocs.io/en/stable/reference/pathformat.html).
enum TemplateFunction: String, CaseIterable, Hashable, Sendable {
    case upper, lower, title, left, right, first, asciify, the

    var argumentCount: Int { takesCount ? 2 : 1 }

    /// Whether the second argument is a number of characters.
    var takesCount: Bool { self == .left || self == .right }

    func apply(_ arguments: [String]) -> String {
        let text = arguments.first ?? ""
        switch self {
        case .upper: return UnicodeText.uppercased(text)
        case .lower: return UnicodeText.lowercased(text)
        case .title: return UnicodeText.titlecased(text)
        case .left: return String(text.prefix(count(arguments)))
        case .right: return String(text.suffix(count(arguments)))
        case .first: return Names.trimmed(String(text.split(separator: ";").first ?? ""))
        // A full-width slash becomes a real one, so this is the one function whose result is no safer than a tag.
        case .asciify: return TemplateNode.sanitised(UnicodeText.asciified(text), separator: "\0")
        case .the: return withArticleLast(text)
        }
    }

    /// How many characters an argument asks for; nil where it is no number.
    static func count(_ text: String) -> Int? {
        guard let count = Int(Names.trimmed(text)), count >= 0 else { return nil }
        return count
    }

    private func count(_ arguments: [String]) -> Int {
        arguments.count > 1 ? TemplateFunction.count(arguments[1]) ?? 0 : 0
    }

    /// `The Beatles` becomes `Beatles, The`.
    private func withArticleLast(_ text: String) -> String {
        guard let space = text.firstIndex(of: " ") else { return text }
        let rest = Names.trimmed(String(text[space...]))
        guard !rest.isEmpty, ["the", "a", "an"].contains(UnicodeText.lowercased(String(text[..<space]))) else {
            return text
        }
        return "\(rest), \(text[..<space])"
    }
}
