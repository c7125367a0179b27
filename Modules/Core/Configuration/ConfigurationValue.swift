package import MusicFSSystem

/// A value of one key.
package enum ConfigurationValue: Hashable, Sendable {
    /// Not set; written as the empty string.
    case empty
    case text(String)
    case path(FilePath)
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case duration(Duration)
    /// Bytes.
    case size(Int64)
    case filter(LogFilter)
}

extension ConfigurationValue {
    /// The value as text, without quotes.
    package var text: String {
        switch self {
        case .empty: ""
        case .text(let text): text
        case .path(let path): path.description
        case .boolean(let value): value.description
        case .integer(let value): value.description
        case .number(let value): value.description
        case .duration(let duration): duration.configurationText
        case .size(let bytes): ByteSize.text(bytes)
        case .filter(let filter): filter.description
        }
    }

    /// The value as TOML writes it.
    package var toml: String {
        switch self {
        case .boolean, .integer, .number: text
        case .empty, .text, .path, .duration, .size, .filter: "\"\(text.escapingQuotes.escapingControls)\""
        }
    }
}

extension Duration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Reads a whole number with a unit: ms, s, m, h or d.
    package init?(configurationText text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        guard let count = Int64(digits), let (_, milliseconds) = Duration.units.first(where: { $0.name == unit })
        else { return nil }
        let (total, overflow) = count.multipliedReportingOverflow(by: milliseconds)
        if overflow { return nil }
        self = .milliseconds(total)
    }

    /// What `init(configurationText:)` reads, in the largest unit that is whole; below a millisecond is cut.
    package var configurationText: String {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return "\(seconds)s" }
        let total = scaled + attoseconds / 1_000_000_000_000_000
        if total == 0 { return "0s" }
        let unit = Duration.units.first { total.isMultiple(of: $0.milliseconds) } ?? ("ms", 1)
        return "\(total / unit.milliseconds)\(unit.name)"
    }
}

extension String {
    /// The text on one line, with control characters as TOML escapes them.
    var escapingControls: String {
        var result = ""
        for scalar in unicodeScalars {
            if scalar.properties.generalCategory == .control {
                let hex = String(scalar.value, radix: 16, uppercase: true)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    fileprivate var escapingQuotes: String {
        var result = ""
        for character in unicodeScalars {
            if character == "\"" || character == "\\" { result += "\\" }
            result.unicodeScalars.append(character)
        }
        return result
    }
}
