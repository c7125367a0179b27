/// How a query was understood: a tree of plain values, to be shown.
package struct QueryExplanation: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        case all, word, phrase, beginning, mistyped, range, keyword, and, or, not
    }

    package var kind: Kind
    /// The field's name in the query language; nil for all text fields.
    package var field: String?
    /// What the user wrote.
    package var text: String?
    /// The terms that are looked up; of a beginning the last one is only how they begin.
    package var terms: [String] = []
    /// How many typing errors there may be.
    package var distance: Int?
    /// The bounds of a range; nil where it is open.
    package var from: Int64?
    package var through: Int64?
    package var children: [QueryExplanation] = []

    init(_ kind: Kind, field: String? = nil, text: String? = nil, children: [QueryExplanation] = []) {
        self.kind = kind
        self.field = field
        self.text = text
        self.children = children
    }
}

extension SearchQuery {
    /// How it was understood.
    package var explanation: QueryExplanation {
        switch self {
        case .all: return QueryExplanation(.all)
        case .term(let field, let text):
            let terms = SearchQuery.terms(text)
            return explained(terms.count > 1 ? .phrase : .word, field, text, terms)
        case .phrase(let field, let text): return explained(.phrase, field, text, SearchQuery.terms(text))
        case .prefix(let field, let text): return explained(.beginning, field, text, SearchQuery.terms(text))
        case .fuzzy(let field, let text, let distance):
            var result = explained(.mistyped, field, text, SearchQuery.terms(text))
            result.distance = distance
            return result
        case .range(let field, let range):
            var result = QueryExplanation(.range, field: field.name)
            result.from = range.lowerBound > 0 ? range.lowerBound : nil
            result.through = range.upperBound < NumericField.limit ? range.upperBound : nil
            return result
        case .keyword(let field, let value): return QueryExplanation(.keyword, field: field.name, text: value)
        case .and(let children): return QueryExplanation(.and, children: children.map(\.explanation))
        case .or(let children): return QueryExplanation(.or, children: children.map(\.explanation))
        case .not(let child): return QueryExplanation(.not, children: [child.explanation])
        }
    }

    private func explained(
        _ kind: QueryExplanation.Kind, _ field: TextField?, _ text: String, _ terms: [String]
    ) -> QueryExplanation {
        var result = QueryExplanation(kind, field: field?.name, text: text)
        result.terms = terms
        return result
    }

    private static func terms(_ text: String) -> [String] {
        let analyzed = Analyzer.analyze(text, for: .query)
        return analyzed.words.filter { $0.kind != .exact }.map { String(decoding: analyzed.term($0), as: UTF8.self) }
    }
}
