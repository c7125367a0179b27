/// What a collection holds: queries of the search language, and what was added or played, with AND, OR and NOT.
package indirect enum CollectionQuery: Hashable, Sendable {
    /// A query of the search language, as it was written.
    case search(String)
    /// Added within so many seconds.
    case added(within: Int64)
    /// Played within so many seconds.
    case played(within: Int64)
    /// Never played, as far back as the history goes.
    case neverPlayed
    /// Those that were played most often of all, so many.
    case mostPlayed(Int)
    case and([CollectionQuery])
    case or([CollectionQuery])
    case not(CollectionQuery)
}

/// Reads what a collection is to hold: the search language with one more field, `played:`.
///
///     played:<7d      played within a week; units as those of `added:`
///     played:never    never played
///     played:top100   the 100 that were played most often
///
/// Whatever holds no such term is a query of the search language, and is read by `QueryParser`. A plain `added:<30d`
/// is a term of its own, since it gives an order.
package struct CollectionQueryParser: QueryGrammar {
    /// Longer texts are an error, in characters. Each of the queries in it has the search language's own limit.
    package static let maximumCharacters = 1024
    /// The most that `played:top` may ask for.
    package static let maximumTop = 10_000

    /// What a part of the text stands for.
    struct Part {
        /// nil where it is the search language's alone.
        var query: CollectionQuery?
        /// Its tokens.
        var tokens: Range<Int>
    }

    var tokens: QueryTokens
    private let options: QueryParser.Options

    /// - Parameter now: seconds since 1970, for ages.
    /// - Throws: `QueryError` for what cannot be read, with the place in the whole text.
    package static func parse(_ text: String, now: Int64) throws(QueryError) -> CollectionQuery {
        var parser = CollectionQueryParser(
            tokens: try QueryTokens(text, maximumCharacters: maximumCharacters), options: QueryParser.Options(now: now))
        if !parser.tokens.all.contains(where: parser.isOwnTerm) {
            // Errors are those of the search language then, whatever would be found first.
            _ = try QueryParser.parse(text, options: parser.options)
            return .search(parser.trimmed(0..<parser.tokens.characters.count))
        }
        return try parser.query(of: try parser.parseAll())
    }

    private init(tokens: QueryTokens, options: QueryParser.Options) {
        self.tokens = tokens
        self.options = options
    }

    // MARK: Queries of parts

    private func query(of part: Part) throws(QueryError) -> CollectionQuery {
        if let query = part.query { return query }
        return try search(part.tokens)
    }

    /// The query of the search language that the tokens are, which is read to see whether it can be.
    private func search(_ range: Range<Int>) throws(QueryError) -> CollectionQuery {
        let all = tokens.all
        let start = all[range.lowerBound].position - 1
        let end = range.upperBound < all.count ? all[range.upperBound].position - 1 : tokens.characters.count
        let text = trimmed(start..<end)
        do throws(QueryError) { _ = try QueryParser.parse(text, options: options) } catch {
            throw QueryError(position: start + error.position, message: error.message, hint: error.hint)
        }
        return .search(text)
    }

    private func trimmed(_ range: Range<Int>) -> String {
        let characters = tokens.characters
        var (start, end) = (range.lowerBound, range.upperBound)
        while end > start, characters[end - 1].isWhitespace { end -= 1 }
        while start < end, characters[start].isWhitespace { start += 1 }
        return String(characters[start..<end])
    }

    /// Parts of which neighbours that are the search language's alone become one query.
    private func join(
        _ parts: [Part], _ combine: ([CollectionQuery]) -> CollectionQuery
    ) throws(QueryError) -> Part {
        let whole = parts[0].tokens.lowerBound..<tokens.index
        guard parts.contains(where: { $0.query != nil }) else { return Part(query: nil, tokens: whole) }
        var queries: [CollectionQuery] = []
        var plain: Range<Int>?
        for part in parts {
            if let query = part.query {
                if let range = plain { queries.append(try search(range)) }
                plain = nil
                queries.append(query)
            } else {
                plain = (plain?.lowerBound ?? part.tokens.lowerBound)..<part.tokens.upperBound
            }
        }
        if let range = plain { queries.append(try search(range)) }
        return Part(query: queries.count == 1 ? queries[0] : combine(queries), tokens: whole)
    }

    func all(_ parts: [Part]) throws(QueryError) -> Part { try join(parts) { .and($0) } }
    func any(_ parts: [Part]) throws(QueryError) -> Part { try join(parts) { .or($0) } }

    func enclosed(_ part: Part, isInverted: Bool, _ range: Range<Int>) -> Part {
        Part(query: isInverted ? part.query.map { .not($0) } : part.query, tokens: range)
    }

    // MARK: Terms

    private func isOwnTerm(_ token: QueryToken) -> Bool {
        switch token.field?.lowercased() {
        case "played": true
        case "added": AgeText.within(token.text) != nil
        default: false
        }
    }

    func term(_ token: QueryToken, isNegated: Bool) throws(QueryError) -> Part {
        Part(query: try query(of: token, isNegated: isNegated), tokens: (tokens.index - 1)..<tokens.index)
    }

    /// What no search tells; nil for a word of the search language.
    private func query(of token: QueryToken, isNegated: Bool) throws(QueryError) -> CollectionQuery? {
        switch token.field?.lowercased() {
        case "played": return try PlayedTerm(token).query()
        case "added":
            // Everything else about `added:` is a matter of the search language, errors included.
            guard !isNegated, let seconds = AgeText.within(token.text) else { return nil }
            return .added(within: seconds)
        default: return nil
        }
    }
}

/// Reads what stands behind `played:`.
private struct PlayedTerm {
    private let token: QueryToken

    init(_ token: QueryToken) { self.token = token }

    private func failure(_ message: String, _ hint: String? = nil) -> QueryError {
        QueryError(
            position: token.textPosition, message: message,
            hint: hint ?? "write played:<7d with a unit of h, d, w, m (30 days) or y, played:never or played:top100")
    }

    func query() throws(QueryError) -> CollectionQuery {
        let text = token.text.lowercased()
        if text.isEmpty { throw failure("it is missing when it was played") }
        if text == "never" { return .neverPlayed }
        if text.hasPrefix("top") {
            guard let count = AgeText.digits(text.dropFirst(3)),
                (1...Int64(CollectionQueryParser.maximumTop)).contains(count)
            else {
                throw failure(
                    "how many is a number from 1 to \(CollectionQueryParser.maximumTop)", "write played:top100")
            }
            return .mostPlayed(Int(count))
        }
        if text.hasPrefix(">") {
            throw failure(
                "what was not played of late is written otherwise", "write -played:\(text.replacing(">", with: "<"))")
        }
        guard let seconds = AgeText.within(text) else { throw failure("this is no time of playing") }
        return .played(within: seconds)
    }
}

/// Reads ages as the search language writes them.
private enum AgeText {
    /// At most nine digits; nil for anything else.
    static func digits(_ text: some StringProtocol) -> Int64? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }

    /// The seconds of `<30d` or `<=30d`; nil for anything else.
    static func within(_ text: String) -> Int64? {
        guard text.hasPrefix("<") else { return nil }
        let rest = text.dropFirst(text.hasPrefix("<=") ? 2 : 1)
        let day: Int64 = 86_400
        let units: [String: Int64] = ["h": 3600, "d": day, "w": 7 * day, "m": 30 * day, "y": 365 * day]
        guard let last = rest.last, let unit = units[last.lowercased()],
            let count = digits(rest.dropLast()), count > 0
        else { return nil }
        return count * unit
    }
}
