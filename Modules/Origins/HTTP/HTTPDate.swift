import CCurl

/// Dates of HTTP headers (RFC 9110, section 5.6.7).
enum HTTPDate {
    /// - Returns: nanoseconds since the epoch; nil for what is no date.
    static func nanoseconds(_ text: String) -> Int64? {
        let seconds = unsafe curl_getdate(text, nil)
        guard seconds != -1 else { return nil }
        let (result, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : result
    }
}

/// Dates of RFC 3339, in UTC.
enum InternetTime {
    /// `2026-11-21T03:00:17.253Z`, the fraction optional.
    ///
    /// - Returns: nanoseconds since the epoch; nil for what is no such date.
    static func nanoseconds(_ text: String) -> Int64? {
        let digits = text.utf8.split(whereSeparator: { !(48...57).contains($0) }).map { Array($0) }
        guard digits.count >= 6, text.hasSuffix("Z"), digits[..<6].allSatisfy({ $0.count <= 4 }) else { return nil }
        let numbers = digits[..<6].map { $0.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) } }
        guard (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), numbers[3] < 24, numbers[4] < 60 else {
            return nil
        }
        var fraction: Int64 = 0
        if digits.count > 6 {
            let nine = (digits[6] + [UInt8](repeating: 48, count: 9)).prefix(9)
            fraction = nine.reduce(0) { $0 * 10 + Int64($1 - 48) }
        }
        let days = days(numbers[0], numbers[1], numbers[2])
        let seconds = ((days * 24 + numbers[3]) * 60 + numbers[4]) * 60 + numbers[5]
        let (result, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : result + fraction
    }

    /// Days from the epoch to a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
    /// Algorithms").
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
