/// Reads what may stand behind a numeric field: `1980`, `1980..1989`, `[1980 TO 1989]`, `>1980`, `<=10m`, `<30d`.
struct QueryNumber {
    private let field: NumericField
    private let token: QueryToken
    private let text: [Character]
    private let options: QueryParser.Options

    init(_ field: NumericField, _ token: QueryToken, _ text: String, _ options: QueryParser.Options) {
        self.field = field
        self.token = token
        self.text = Array(text)
        self.options = options
    }

    private func failure(_ message: String, _ offset: Int) -> QueryError {
        let hint =
            switch field {
            case .year, .track, .disc: "write \(field.name):1980, \(field.name):1980..1989 or \(field.name):>1980"
            case .duration: "write duration:>10m, duration:<3:30 or duration:2m..4m, with the units s, m and h"
            case .added: "write added:<30d or added:7d..30d, with the units h, d, w, m (30 days) and y"
            }
        return QueryError(position: token.textPosition + offset, message: message, hint: hint)
    }

    func range() throws(QueryError) -> SearchQuery {
        guard !text.isEmpty else { throw failure("a number is missing", 0) }
        if text[0] == "[" { return try brackets() }
        if text[0] == ">" || text[0] == "<" {
            let isInclusive = text.count > 1 && text[1] == "="
            let value = try number(isInclusive ? 2 : 1, text.count)
            if text[0] == ">" { return bounds(from: isInclusive ? value : value + 1, through: nil) }
            return bounds(from: nil, through: isInclusive ? value : value - 1)
        }
        if let dots = (0..<text.count).first(where: { text[$0] == "." && $0 + 1 < text.count && text[$0 + 1] == "." }) {
            if text.count == 2 { throw failure("both bounds are missing", 0) }
            let from = dots == 0 ? nil : try number(0, dots)
            let through = dots + 2 == text.count ? nil : try number(dots + 2, text.count)
            return try ordered(from, through)
        }
        let value = try number(0, text.count)
        // A whole second of it.
        let last = field == .duration ? value + 999 : value
        return bounds(from: value, through: last)
    }

    /// `[from TO through]`, where `*` leaves an end open.
    private func brackets() throws(QueryError) -> SearchQuery {
        var words: [Range<Int>] = []
        var index = 1
        while index < text.count - 1 {
            let start = index
            while index < text.count - 1, !text[index].isWhitespace { index += 1 }
            if index > start { words.append(start..<index) }
            index += 1
        }
        guard words.count == 3, String(text[words[1]]) == "TO" else {
            throw failure("bounds are written [from TO through]", 0)
        }
        func bound(_ range: Range<Int>) throws(QueryError) -> Int64? {
            String(text[range]) == "*" ? nil : try number(range.lowerBound, range.upperBound)
        }
        return try ordered(try bound(words[0]), try bound(words[2]))
    }

    private func ordered(_ from: Int64?, _ through: Int64?) throws(QueryError) -> SearchQuery {
        if let from, let through, from > through { throw failure("the first bound is above the second", 0) }
        return bounds(from: from, through: through)
    }

    /// Of ages the greater is the earlier time.
    private func bounds(from: Int64?, through: Int64?) -> SearchQuery {
        var (low, high) = (from ?? 0, through ?? NumericField.limit)
        if field == .added {
            low = through.map { options.now - $0 } ?? 0
            high = from.map { options.now - $0 } ?? NumericField.limit
        }
        low = max(low, 0)
        // Nothing can be both: a range that no number is in.
        guard low <= high else { return .not(.all) }
        return .range(field, low...high)
    }

    /// A number of at most nine digits with its unit, in the field's measure.
    private func number(_ start: Int, _ end: Int) throws(QueryError) -> Int64 {
        var value: Int64 = 0
        var index = start
        while index < end, let digit = text[index].asciiDigit {
            value = value * 10 + digit
            index += 1
            if index - start > 9 { throw failure("this number is too large", start) }
        }
        guard index > start else { throw failure("this is no number", start) }
        switch field {
        case .year, .track, .disc:
            guard index == end else { throw failure("this does not belong to a number", index) }
            return value
        case .duration:
            if index < end, text[index] == ":" { return (value * 60 + (try seconds(index + 1, end))) * 1000 }
            return value * (try unit(index, end, ["": 1, "s": 1, "m": 60, "h": 3600])) * 1000
        case .added:
            let day: Int64 = 86_400
            return value * (try unit(index, end, ["h": 3600, "d": day, "w": 7 * day, "m": 30 * day, "y": 365 * day]))
        }
    }

    private func unit(_ start: Int, _ end: Int, _ units: [String: Int64]) throws(QueryError) -> Int64 {
        guard let unit = units[String(text[start..<end]).lowercased()] else {
            throw failure(start == end ? "a unit is missing" : "this is no unit", start)
        }
        return unit
    }

    private func seconds(_ start: Int, _ end: Int) throws(QueryError) -> Int64 {
        guard end - start == 2, let tens = text[start].asciiDigit, let ones = text[start + 1].asciiDigit, tens < 6
        else {
            throw failure("seconds have two digits", start)
        }
        return tens * 10 + ones
    }
}

extension Character {
    fileprivate var asciiDigit: Int64? {
        guard let value = asciiValue, (0x30...0x39).contains(value) else { return nil }
        return Int64(value) - 0x30
    }
}
