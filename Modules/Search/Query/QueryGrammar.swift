/// The grammar of queries: a recursive descent over tokens. What is made of the parts is up to who reads the query.
///
///     query   = or
///     or      = and { "OR" and }
///     and     = not { [ "AND" ] not }
///     not     = { "NOT" | "-" } primary
///     primary = "(" or ")" | term
protocol QueryGrammar {
    associatedtype Part

    var tokens: QueryTokens { get set }

    /// - Parameter isNegated: whether a NOT stands before it or before parentheses that it is in.
    mutating func term(_ token: QueryToken, isNegated: Bool) throws(QueryError) -> Part
    /// One or more that must all match.
    func all(_ parts: [Part]) throws(QueryError) -> Part
    /// One or more of which any may match.
    func any(_ parts: [Part]) throws(QueryError) -> Part
    /// A part with what stands around it: parentheses, or NOT.
    ///
    /// - Parameter range: of the tokens, those that stand around it included.
    func enclosed(_ part: Part, isInverted: Bool, _ range: Range<Int>) -> Part
}

/// The tokens of a query, and how far it has been read.
struct QueryTokens {
    private static let maximumDepth = 32

    let characters: [Character]
    let all: [QueryToken]
    /// Of the next one.
    var index = 0
    private var depth = 0

    /// - Throws: `QueryError` also for a text without tokens.
    init(_ text: String, maximumCharacters maximum: Int) throws(QueryError) {
        characters = Array(text)
        guard characters.count <= maximum else {
            throw QueryError(
                position: maximum + 1, message: "the query has \(characters.count) characters",
                hint: "at most \(maximum) are allowed")
        }
        all = try QueryScanner.scan(characters)
        guard !all.isEmpty else {
            throw QueryError(position: 1, message: "the query is empty", hint: "write a word to look for")
        }
    }

    var next: QueryToken? { index < all.count ? all[index] : nil }

    /// - Parameter token: the parenthesis that opens.
    fileprivate mutating func goDeeper(_ token: QueryToken) throws(QueryError) {
        guard depth < Self.maximumDepth else {
            throw QueryError(
                position: token.position, message: "parentheses are nested too deeply",
                hint: "at most \(Self.maximumDepth) levels are allowed")
        }
        depth += 1
    }

    fileprivate mutating func goBack(_ token: QueryToken) throws(QueryError) {
        guard next?.kind == .close else {
            throw QueryError(position: token.position, message: "this \"(\" is not closed", hint: "add a \")\"")
        }
        index += 1
        depth -= 1
    }
}

extension QueryGrammar {
    /// Once for each.
    mutating func parseAll() throws(QueryError) -> Part {
        let part = try parseOr(isNegated: false)
        if let token = tokens.next {
            throw QueryError(
                position: token.position, message: "this \")\" closes nothing", hint: "remove it, or write it in quotes"
            )
        }
        return part
    }

    private mutating func parseOr(isNegated: Bool) throws(QueryError) -> Part {
        var parts = [try parseAnd(isNegated: isNegated)]
        while tokens.next?.kind == .or {
            tokens.index += 1
            parts.append(try parseAnd(isNegated: isNegated))
        }
        return try any(parts)
    }

    private mutating func parseAnd(isNegated: Bool) throws(QueryError) -> Part {
        var parts = [try parseNot(isNegated: isNegated)]
        while let token = tokens.next, token.kind != .or, token.kind != .close {
            if token.kind == .and { tokens.index += 1 }
            parts.append(try parseNot(isNegated: isNegated))
        }
        return try all(parts)
    }

    private mutating func parseNot(isNegated: Bool) throws(QueryError) -> Part {
        let start = tokens.index
        while tokens.next?.kind == .not { tokens.index += 1 }
        let count = tokens.index - start
        let part = try parsePrimary(isNegated: isNegated || count > 0)
        return enclosed(part, isInverted: !count.isMultiple(of: 2), start..<tokens.index)
    }

    private mutating func parsePrimary(isNegated: Bool) throws(QueryError) -> Part {
        guard let token = tokens.next else {
            throw QueryError(
                position: tokens.characters.count + 1, message: "something is missing at the end",
                hint: "write a word there")
        }
        let start = tokens.index
        tokens.index += 1
        switch token.kind {
        case .open:
            try tokens.goDeeper(token)
            let part = try parseOr(isNegated: isNegated)
            try tokens.goBack(token)
            return enclosed(part, isInverted: false, start..<tokens.index)
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
        case .phrase, .word: return try term(token, isNegated: isNegated)
        }
    }
}
