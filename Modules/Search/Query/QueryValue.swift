/// Makes a query of one word or phrase and the field before it.
struct QueryValue {
    private enum Field {
        case text(TextField?)
        case number(NumericField)
        case keyword(KeywordField)
    }

    private let token: QueryToken
    private let options: QueryParser.Options

    init(_ token: QueryToken, _ options: QueryParser.Options) {
        self.token = token
        self.options = options
    }

    private func failure(_ message: String, _ hint: String, at offset: Int = 0) -> QueryError {
        QueryError(position: token.textPosition + offset, message: message, hint: hint)
    }

    private func field() throws(QueryError) -> Field {
        guard let written = token.field else { return .text(nil) }
        let name = written.lowercased()
        if let field = TextField.allCases.first(where: { $0.name == name }) { return .text(field) }
        if name == "albumartist" { return .text(.albumArtist) }
        if let field = NumericField.allCases.first(where: { $0.name == name }) { return .number(field) }
        if let field = KeywordField.allCases.first(where: { $0.name == name }) { return .keyword(field) }
        let names =
            TextField.allCases.map(\.name) + NumericField.allCases.map(\.name) + KeywordField.allCases.map(\.name)
        throw QueryError(
            position: token.position, message: "there is no field \"\(written)\"",
            hint: "fields are \(names.joined(separator: ", ")); to look for the text itself, write it in quotes")
    }

    func phrase() throws(QueryError) -> SearchQuery {
        switch try field() {
        case .text(let field):
            guard token.text.contains(where: { !$0.isWhitespace }) else {
                throw failure("the quotes are empty", "write words between them")
            }
            return .phrase(field, token.text)
        case .number(let field): return try QueryNumber(field, token, token.text, options).range()
        case .keyword(let field): return try keyword(field)
        }
    }

    func word(isLast: Bool) throws(QueryError) -> SearchQuery {
        switch try field() {
        case .text(let field): return try text(field, isLast: isLast)
        case .number(let field): return try QueryNumber(field, token, token.text, options).range()
        case .keyword(let field): return try keyword(field)
        }
    }

    private func keyword(_ field: KeywordField) throws(QueryError) -> SearchQuery {
        let text = token.text
        guard !text.isEmpty else {
            throw failure("a value is missing", "write one, as in \(field.name):\(example(field))")
        }
        if let offset = text.firstIndex(where: { $0 == "*" || $0 == "~" }) {
            throw failure(
                "\(field.name): takes a whole name", "write it without \(text[offset])",
                at: text.distance(from: text.startIndex, to: offset))
        }
        return .keyword(field, text)
    }

    private func example(_ field: KeywordField) -> String {
        switch field {
        case .origin: "nas"
        case .format: "flac"
        }
    }

    /// `word`, `word*`, `word~1`, `word~2`.
    private func text(_ field: TextField?, isLast: Bool) throws(QueryError) -> SearchQuery {
        let text = token.text
        guard !text.isEmpty else { throw failure("a word is missing", "write one behind the colon") }
        if let tilde = text.firstIndex(of: "~"), tilde != text.startIndex || text.count <= 2 {
            let offset = text.distance(from: text.startIndex, to: tilde)
            let word = String(text[..<tilde])
            guard hasWord(word) else {
                throw failure("~ has no word before it", "write the word that may be mistyped: word~1", at: offset)
            }
            let distance: Int
            switch text[text.index(after: tilde)...] {
            case "", "1": distance = 1
            case "2": distance = 2
            default: throw failure("this is no number of typing errors", "write ~1 or ~2", at: offset + 1)
            }
            return .fuzzy(field, word, distance: distance)
        }
        if let star = text.firstIndex(of: "*") {
            let offset = text.distance(from: text.startIndex, to: star)
            let word = String(text[..<star])
            guard hasWord(word) else {
                throw failure("* has no word before it", "write how the word begins: word*", at: offset)
            }
            guard text.index(after: star) == text.endIndex else {
                throw failure("* stands inside of a word", "it may stand at the end alone: word*", at: offset)
            }
            return .prefix(field, word)
        }
        return isLast ? .prefix(field, text) : .term(field, text)
    }

    private func hasWord(_ text: String) -> Bool { !Analyzer.analyze(text, for: .query).words.isEmpty }
}
