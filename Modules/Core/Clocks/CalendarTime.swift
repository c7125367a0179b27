/// A moment of the wall clock in UTC, split up for showing.
package struct CalendarTime: Hashable, Sendable {
    package let year: Int
    package let month: Int
    package let day: Int
    package let hour: Int
    package let minute: Int
    package let second: Int
    package let millisecond: Int

    /// - Parameter nanoseconds: since 1970, as `wallClockNanoseconds()` gives them.
    package init(nanoseconds: Int64) {
        let milliseconds = Int(nanoseconds).flooringQuotient(1_000_000)
        let days = milliseconds.quotient.flooringQuotient(86_400_000)
        let (year, month, day) = Self.civil(daysSince1970: days.quotient)
        self.year = year
        self.month = month
        self.day = day
        hour = days.remainder / 3_600_000
        minute = days.remainder / 60_000 % 60
        second = days.remainder / 1000 % 60
        millisecond = days.remainder % 1000
    }

    /// `2026-11-20`.
    package var date: String { "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))" }

    /// `2026-11-20T19:42:42.123Z` (RFC 3339).
    package var rfc3339: String {
        "\(date)T\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2)).\(padded(millisecond, 3))Z"
    }

    /// The proleptic Gregorian date of a day, by shifting the year to begin in March, so that the leap day is its last
    /// (H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
    private static func civil(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (daysSince1970 + 719_468).flooringQuotient(146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Int {
    /// Division that rounds down, so that times before 1970 have a remainder that is not negative.
    fileprivate func flooringQuotient(_ divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
