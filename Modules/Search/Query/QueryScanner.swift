/// A piece of a query.
struct QueryToken: Hashable {
    enum Kind: Hashable { case word, phrase, open, close, and, or, not }

    var kind: Kind
    /// The field that stands before a colon, as it was written.
    var field: String?
    /// What stands behind it; of a phrase what is between the quotes.
    var text: String
    /// The number of the first character, from 1.
    var position: Int
    /// The number of the first character of `text`.
    var textPosition: Int
}

/// Parts a query into tokens.
struct QueryScanner {
    private let characters: [Character]
    private var index = 0
    private var tokens: [QueryToken] = []

    static func scan(_ characters: [Character]) throws(QueryError) -> [QueryToken] {
        for (offset, character) in characters.enumerated()
        where character.unicodeScalars.contains(where: { $0.value < 0x20 && $0.value != 9 || $0.value == 0x7f }) {
            throw QueryError(position: offset + 1, message: "a control character", hint: "remove it")
        }
        var scanner = QueryScanner(characters: characters)
        while scanner.index < characters.count { try scanner.step() }
        return scanner.tokens
    }

    private init(characters: [Character]) { self.characters = characters }

    private mutating func step() throws(QueryError) {
        let start = index
        switch characters[index] {
        case let character where character.isWhitespace: index += 1
        case "(":
            index += 1
            add(.open, start)
        case ")":
            index += 1
            add(.close, start)
        case "-" where start + 1 == characters.count || characters[start + 1].isWhitespace:
            // As in "Artist - Title": it parts names.
            index += 1
        case "-":
            index += 1
            add(.not, start)
        case "\"":
            let text = try quoted()
            tokens.append(
                QueryToken(kind: .phrase, field: nil, text: text, position: start + 1, textPosition: start + 2))
        default: try word()
        }
    }

    private mutating func add(_ kind: QueryToken.Kind, _ start: Int) {
        tokens.append(
            QueryToken(
                kind: kind, field: nil, text: String(characters[start..<index]), position: start + 1,
                textPosition: start + 1))
    }

    /// The text between two quotes; `index` is at the first one, and behind the second afterwards.
    private mutating func quoted() throws(QueryError) -> String {
        let start = index
        guard let close = characters[(start + 1)...].firstIndex(of: "\"") else {
            throw QueryError(position: start + 1, message: "this quote is not closed", hint: "add a second one")
        }
        index = close + 1
        if index < characters.count, characters[index] == "~" || characters[index] == "*" {
            throw QueryError(
                position: index + 1, message: "\(characters[index]) does not go with a phrase",
                hint: "write it behind a single word")
        }
        return String(characters[(start + 1)..<close])
    }

    private mutating func word() throws(QueryError) {
        let start = index
        var colon: Int?
        while index < characters.count {
            let character = characters[index]
            if character == ":", colon == nil, index > start { colon = index }
            if let colon, index == colon + 1 {
                if character == "[" || character == "{" {
                    try skipBrackets()
                    break
                }
                if character == "\"" {
                    let text = try quoted()
                    tokens.append(
                        QueryToken(
                            kind: .phrase, field: String(characters[start..<colon]), text: text, position: start + 1,
                            textPosition: colon + 3))
                    return
                }
            }
            if character.isWhitespace || character == "(" || character == ")" || character == "\"" { break }
            index += 1
        }
        let whole = String(characters[start..<index])
        guard let colon else {
            let kind: QueryToken.Kind =
                switch whole {
                case "AND": .and
                case "OR": .or
                case "NOT": .not
                default: .word
                }
            tokens.append(
                QueryToken(kind: kind, field: nil, text: whole, position: start + 1, textPosition: start + 1))
            return
        }
        tokens.append(
            QueryToken(
                kind: .word, field: String(characters[start..<colon]), text: String(characters[(colon + 1)..<index]),
                position: start + 1, textPosition: colon + 2))
    }

    private mutating func skipBrackets() throws(QueryError) {
        let start = index
        guard characters[start] == "[" else {
            throw QueryError(
                position: start + 1, message: "bounds are written in brackets", hint: "for example year:[1980 TO 1989]")
        }
        guard let close = characters[start...].firstIndex(of: "]") else {
            throw QueryError(position: start + 1, message: "this \"[\" is not closed", hint: "add a \"]\"")
        }
        index = close + 1
    }
}
