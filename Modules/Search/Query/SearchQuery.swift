/// What is searched for.
///
/// Texts are as a user writes them; they are analysed when the query runs. A text of several words is a phrase.
package indirect enum SearchQuery: Hashable, Sendable {
    /// All documents.
    case all
    /// A word in a field, or in any. A word with accents finds those without, and ranks equal ones first.
    case term(TextField?, String)
    /// Words that follow one another in one field.
    case phrase(TextField?, String)
    /// Words that begin so; of several words the last alone is a beginning.
    case prefix(TextField?, String)
    /// Words at most so many typing errors (an insertion, a deletion, another character, two neighbours exchanged) away;
    /// 1 or 2.
    case fuzzy(TextField?, String, distance: Int)
    /// Numbers in bounds that belong to it. A document without the number never matches.
    case range(NumericField, ClosedRange<Int64>)
    case keyword(KeywordField, String)
    case and([SearchQuery])
    case or([SearchQuery])
    case not(SearchQuery)

    /// The query with every plain word of it allowed to have typing errors: one, two from eight characters on, none
    /// below three. nil where nothing would change.
    package var tolerant: SearchQuery? {
        let result = loosened
        return result == self ? nil : result
    }

    private var loosened: SearchQuery {
        switch self {
        case .term(let field, let text), .prefix(let field, let text):
            // Numbers are right or wrong.
            if text.count < 3 || text.utf8.contains(where: { (0x30...0x39).contains($0) }) { return self }
            return .fuzzy(field, text, distance: text.count < 8 ? 1 : 2)
        case .and(let children): return .and(children.map(\.loosened))
        case .or(let children): return .or(children.map(\.loosened))
        case .all, .phrase, .fuzzy, .range, .keyword, .not: return self
        }
    }
}
