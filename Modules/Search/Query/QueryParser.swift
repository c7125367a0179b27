/// Reads the query language: a recursive descent over tokens.
///
///     query   = or
///     or      = and { "OR" and }
///     and     = not { [ "AND" ] not }
///     not     = { "NOT" | "-" } primary
///     primary = "(" or ")" | [ field ":" ] value
///     value   = word | word "*" | word "~1" | word "~2" | '"' words '"' | range | comparison
package struct QueryParser {
    /// Longer queries are an error, in characters.
    package static let maximumCharacters = 256
    private static let maximumDepth = 32

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

    private let tokens: [QueryToken]
    private let options: Options
    private let end: Int
    private var index = 0
    private var depth = 0
    /// What was made of single words, in their order.
    private(set) var words: [(query: SearchQuery, token: QueryToken)] = []

    /// - Throws: `QueryError` for what cannot be read, an empty query included.
    package static func parse(_ text: String, options: Options) throws(QueryError) -> SearchQuery {
        var parser = try QueryParser(text, options: options)
        return try parser.parseAll()
    }

    init(_ text: String, options: Options) throws(QueryError) {
        let maximum = QueryParser.maximumCharacters
        let characters = Array(text)
        guard characters.count <= maximum else {
            throw QueryError(
                position: maximum + 1, message: "the query has \(characters.count) characters",
                hint: "at most \(maximum) are allowed")
        }
        tokens = try QueryScanner.scan(characters)
        guard !tokens.isEmpty else {
            throw QueryError(position: 1, message: "the query is empty", hint: "write a word to look for")
        }
        self.options = options
        end = characters.count + 1
    }

    /// Once for each parser.
    mutating func parseAll() throws(QueryError) -> SearchQuery {
        let query = try parseOr()
        if let token = next {
            throw QueryError(
                position: token.position, message: "this \")\" closes nothing", hint: "remove it, or write it in quotes"
            )
        }
        return query
    }

    private var next: QueryToken? { index < tokens.count ? tokens[index] : nil }

    private mutating func parseOr() throws(QueryError) -> SearchQuery {
        var parts = [try parseAnd()]
        while next?.kind == .or {
            index += 1
            parts.append(try parseAnd())
        }
        return parts.count == 1 ? parts[0] : .or(parts)
    }

    private mutating func parseAnd() throws(QueryError) -> SearchQuery {
        var parts = [try parseNot()]
        while let token = next {
            switch token.kind {
            case .or, .close: return QueryParser.joined(parts)
            case .and: index += 1
            default: break
            }
            parts.append(try parseNot())
        }
        return QueryParser.joined(parts)
    }

    /// All of the parts. Punctuation between words, as in "Simon & Garfunkel", is in no index and not looked for.
    private static func joined(_ parts: [SearchQuery]) -> SearchQuery {
        let words = parts.filter { part in
            switch part {
            case .term(nil, let text), .prefix(nil, let text): !Analyzer.analyze(text, for: .query).isWhole
            default: true
            }
        }
        let kept = words.isEmpty ? parts : words
        return kept.count == 1 ? kept[0] : .and(kept)
    }

    private mutating func parseNot() throws(QueryError) -> SearchQuery {
        var isNegated = false
        while next?.kind == .not {
            index += 1
            isNegated.toggle()
        }
        let query = try parsePrimary()
        return isNegated ? .not(query) : query
    }

    private mutating func parsePrimary() throws(QueryError) -> SearchQuery {
        guard let token = next else {
            throw QueryError(position: end, message: "something is missing at the end", hint: "write a word there")
        }
        index += 1
        switch token.kind {
        case .open:
            depth += 1
            defer { depth -= 1 }
            guard depth <= QueryParser.maximumDepth else {
                throw QueryError(
                    position: token.position, message: "parentheses are nested too deeply",
                    hint: "at most \(QueryParser.maximumDepth) levels are allowed")
            }
            let query = try parseOr()
            guard next?.kind == .close else {
                throw QueryError(position: token.position, message: "this \"(\" is not closed", hint: "add a \")\"")
            }
            index += 1
            return query
        case .close:
            throw QueryError(
                position: token.position, message: "a word is missing before this \")\"",
                hint: "write one, or put the parenthesis in quotes")
        case .and, .or:
            throw QueryError(
                position: token.position, message: "\(token.text) needs a word on either side",
                hint: "to look for the word itself, write it in small letters")
        case .not:
            throw QueryError(position: token.position, message: "nothing to exclude", hint: "write a word behind it")
        case .phrase:
            return try QueryValue(token, options).phrase()
        case .word:
            let query = try QueryValue(token, options).word(isLast: options.isTyping && index == tokens.count)
            words.append((query, token))
            return query
        }
    }
}
