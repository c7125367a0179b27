import MusicFSCore

/// A moment in nanoseconds since 1970, UTC; in JSON a text of RFC 3339 such as `2026-11-20T19:42:42.000000001Z`.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC; the fraction is left out when it is zero.
    package var description: String {
        let time = CalendarTime(nanoseconds: nanoseconds)
        let clock = [time.hour, time.minute, time.second].map { padded($0, 2) }.joined(separator: ":")
        let remainder = nanoseconds % 1_000_000_000
        let fraction = remainder < 0 ? remainder + 1_000_000_000 : remainder
        return "\(time.date)T\(clock)\(fraction == 0 ? "" : "." + padded(Int(fraction), 9))Z"
    }

    /// Reads RFC 3339, with any offset and up to nine decimals.
    ///
    /// - Returns: nil for other text and for moments outside the years 1678 to 2261, which 64 bits cannot hold.
    package init?(_ text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), reader.skip("T", "t", " "), let hour = reader.number(2), reader.skip(":"),
            let minute = reader.number(2), reader.skip(":"), let second = reader.number(2),
            (1...12).contains(month), (1...Self.daysOfMonth(month, year: year)).contains(day), hour < 24, minute < 60,
            second <= 60, let fraction = reader.fraction(), let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let seconds =
            Self.days(year: year, month: month, day: day) * 86400 + hour * 3600 + minute * 60 + second - offset
        // Rounded towards 1970 first, so that the earliest moments do not overflow on the way.
        let isBefore = seconds < 0
        let (whole, overflow) = (isBefore ? seconds + 1 : seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = whole.addingReportingOverflow(isBefore ? fraction - 1_000_000_000 : fraction)
        if overflow || overflow2 { return nil }
        nanoseconds = sum
    }

    private static func daysOfMonth(_ month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970 of a Gregorian date, by years that begin in March, so that the leap day is their last
    /// (H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil). Years have four digits.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        // One era of 400 years more keeps the division above zero in the year 0.
        let (era, yearOfEra) = (400 + (month <= 2 ? year - 1 : year)).quotientAndRemainder(dividingBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return (era - 1) * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Timestamp(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no time of RFC 3339")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Reads the parts of RFC 3339's grammar (section 5.6) from the front of a text.
private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ choices: Unicode.Scalar...) -> Bool {
        guard let first = rest.first, choices.contains(Unicode.Scalar(first)) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(_ digits: Int) -> Int64? {
        let taken = rest.prefix(digits)
        guard taken.count == digits, taken.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        rest.removeFirst(digits)
        return taken.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// Nanoseconds behind the point; 0 without one.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
        guard (1...9).contains(digits), let value = number(digits) else { return nil }
        return (digits..<9).reduce(value) { product, _ in product * 10 }
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int64? {
        if skip("Z", "z") { return 0 }
        let isWest = rest.first == UInt8(ascii: "-")
        guard skip("+", "-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else {
            return nil
        }
        return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
    }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
