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
package struct CollectionQueryParser {
    /// Longer texts are an error, in characters. Each of the queries in it has the search language's own limit.
    package static let maximumCharacters = 1024
    /// The most that `played:top` may ask for.
    package static let maximumTop = 10_000
    private static let maximumDepth = 32

    /// What a part of the text stands for.
    private struct Part {
        /// nil where it is the search language's alone.
        var query: CollectionQuery?
        /// Its tokens.
        var tokens: Range<Int>
    }

    private let characters: [Character]
    private let tokens: [QueryToken]
    private let options: QueryParser.Options
    private var index = 0
    private var depth = 0

    /// - Parameter now: seconds since 1970, for ages.
    /// - Throws: `QueryError` for what cannot be read, with the place in the whole text.
    package static func parse(_ text: String, now: Int64) throws(QueryError) -> CollectionQuery {
        let characters = Array(text)
        guard characters.count <= maximumCharacters else {
            throw QueryError(
                position: maximumCharacters + 1, message: "the query has \(characters.count) characters",
                hint: "at most \(maximumCharacters) are allowed")
        }
        var parser = CollectionQueryParser(
            characters: characters, tokens: try QueryScanner.scan(characters), options: QueryParser.Options(now: now))
        guard !parser.tokens.isEmpty else {
            throw QueryError(position: 1, message: "the query is empty", hint: "write a word to look for")
        }
        if !parser.tokens.contains(where: parser.isOwnTerm) {
            // Errors are those of the search language then, whatever would be found first.
            _ = try QueryParser.parse(text, options: parser.options)
            return .search(parser.trimmed(0..<characters.count))
        }
        let part = try parser.parseOr(isNegated: false)
        if let token = parser.next {
            throw QueryError(
                position: token.position, message: "this \")\" closes nothing", hint: "remove it, or write it in quotes"
            )
        }
        return try parser.query(of: part)
    }

    private init(characters: [Character], tokens: [QueryToken], options: QueryParser.Options) {
        self.characters = characters
        self.tokens = tokens
        self.options = options
    }

    private var next: QueryToken? { index < tokens.count ? tokens[index] : nil }

    // MARK: Queries of parts

    private func query(of part: Part) throws(QueryError) -> CollectionQuery {
        if let query = part.query { return query }
        return try search(part.tokens)
    }

    /// The query of the search language that the tokens are, which is read to see whether it can be.
    private func search(_ range: Range<Int>) throws(QueryError) -> CollectionQuery {
        let start = tokens[range.lowerBound].position - 1
        let text = trimmed(
            start..<(range.upperBound < tokens.count ? tokens[range.upperBound].position - 1 : characters.count))
        do throws(QueryError) { _ = try QueryParser.parse(text, options: options) } catch {
            throw QueryError(position: start + error.position, message: error.message, hint: error.hint)
        }
        return .search(text)
    }

    private func trimmed(_ range: Range<Int>) -> String {
        var (start, end) = (range.lowerBound, range.upperBound)
        while end > start, characters[end - 1].isWhitespace { end -= 1 }
        while start < end, characters[start].isWhitespace { start += 1 }
        return String(characters[start..<end])
    }

    /// Parts of which neighbours that are the search language's alone become one query.
    private func join(
        _ parts: [Part], _ combine: ([CollectionQuery]) -> CollectionQuery
    ) throws(QueryError) -> Part {
        let whole = parts[0].tokens.lowerBound..<index
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

    // MARK: Grammar, that of `QueryParser`

    private mutating func parseOr(isNegated: Bool) throws(QueryError) -> Part {
        var parts = [try parseAnd(isNegated: isNegated)]
        while next?.kind == .or {
            index += 1
            parts.append(try parseAnd(isNegated: isNegated))
        }
        return try join(parts) { .or($0) }
    }

    private mutating func parseAnd(isNegated: Bool) throws(QueryError) -> Part {
        var parts = [try parseNot(isNegated: isNegated)]
        while let token = next, token.kind != .or, token.kind != .close {
            if token.kind == .and { index += 1 }
            parts.append(try parseNot(isNegated: isNegated))
        }
        return try join(parts) { .and($0) }
    }

    private mutating func parseNot(isNegated: Bool) throws(QueryError) -> Part {
        let start = index
        while next?.kind == .not { index += 1 }
        let count = index - start
        let part = try parsePrimary(isNegated: isNegated || count > 0)
        let query = count.isMultiple(of: 2) ? part.query : part.query.map { .not($0) }
        return Part(query: query, tokens: start..<part.tokens.upperBound)
    }

    private mutating func parsePrimary(isNegated: Bool) throws(QueryError) -> Part {
        guard let token = next else {
            throw QueryError(
                position: characters.count + 1, message: "something is missing at the end", hint: "write a word there")
        }
        let start = index
        index += 1
        switch token.kind {
        case .open:
            depth += 1
            defer { depth -= 1 }
            guard depth <= Self.maximumDepth else {
                throw QueryError(
                    position: token.position, message: "parentheses are nested too deeply",
                    hint: "at most \(Self.maximumDepth) levels are allowed")
            }
            let part = try parseOr(isNegated: isNegated)
            guard next?.kind == .close else {
                throw QueryError(position: token.position, message: "this \"(\" is not closed", hint: "add a \")\"")
            }
            index += 1
            return Part(query: part.query, tokens: start..<index)
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
        case .phrase, .word:
            return Part(query: try term(token, isNegated: isNegated), tokens: start..<index)
        }
    }

    // MARK: Terms

    private func isOwnTerm(_ token: QueryToken) -> Bool {
        switch token.field?.lowercased() {
        case "played": true
        case "added": AgeText.within(token.text) != nil
        default: false
        }
    }

    /// What no search tells; nil for a word of the search language.
    private func term(_ token: QueryToken, isNegated: Bool) throws(QueryError) -> CollectionQuery? {
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
