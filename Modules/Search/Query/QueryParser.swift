/// Reads the query language, whose grammar is that of `QueryGrammar` with these terms:
///
///     term    = [ field ":" ] value
///     value   = word | word "*" | word "~1" | word "~2" | '"' words '"' | range | comparison
package struct QueryParser: QueryGrammar {
    /// Longer queries are an error, in characters.
    package static let maximumCharacters = 256

    package struct Options: Hashable, Sendable {
        /// Whether the last word may go on, as it does while somebody types.
        package var isTyping: Bool
        /// Seconds since 1970, for ages.
        package var now: Int64

        package init(isTyping: Bool = false, now: Int64) {
            self.isTyping = isTyping
            self.now = now
        }
    }

    var tokens: QueryTokens
    private let options: Options
    /// What was made of single words, in their order.
    private(set) var words: [(query: SearchQuery, token: QueryToken)] = []

    /// - Throws: `QueryError` for what cannot be read, an empty query included.
    package static func parse(_ text: String, options: Options) throws(QueryError) -> SearchQuery {
        var parser = try QueryParser(text, options: options)
        return try parser.parseAll()
    }

    init(_ text: String, options: Options) throws(QueryError) {
        tokens = try QueryTokens(text, maximumCharacters: QueryParser.maximumCharacters)
        self.options = options
    }

    // MARK: Parts

    mutating func term(_ token: QueryToken, isNegated: Bool) throws(QueryError) -> SearchQuery {
        let value = QueryValue(token, options)
        if token.kind == .phrase { return try value.phrase() }
        let query = try value.word(isLast: options.isTyping && tokens.next == nil)
        words.append((query, token))
        return query
    }

    /// Punctuation between words, as in "Simon & Garfunkel", is in no index and not looked for.
    func all(_ parts: [SearchQuery]) -> SearchQuery {
        let words = parts.filter { part in
            switch part {
            case .term(nil, let text), .prefix(nil, let text): !Analyzer.analyze(text, for: .query).isWhole
            default: true
            }
        }
        let kept = words.isEmpty ? parts : words
        return kept.count == 1 ? kept[0] : .and(kept)
    }

    func any(_ parts: [SearchQuery]) -> SearchQuery { parts.count == 1 ? parts[0] : .or(parts) }

    func enclosed(_ part: SearchQuery, isInverted: Bool, _ range: Range<Int>) -> SearchQuery {
        isInverted ? .not(part) : part
    }
}
