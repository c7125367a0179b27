extension Logger {
    /// How much a message matters; the raw values order them.
    package enum Level: UInt8, CaseIterable, Hashable, Sendable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// The text of a message, written as a string literal: what varies belongs into the metadata.
    package struct Message: ExpressibleByStringInterpolation, Hashable, Sendable {
        package let text: String

        package init(stringLiteral value: String) { text = value }
    }

    package typealias Metadata = [String: MetadataValue]

    package enum MetadataValue: Sendable {
        case string(String)
        /// Turned into text only when the message is written.
        case stringConvertible(any CustomStringConvertible & Sendable)
        case array([MetadataValue])
        case dictionary(Metadata)
    }
}

extension Logger.Level: Comparable, CustomStringConvertible {
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The name in filters and lines.
    package var description: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        }
    }

    /// The level with that name, in any case; `warn` is another name of `warning`.
    package init?(name: String) {
        let name = name.lowercased()
        guard let level = Self.allCases.first(where: { $0.description == (name == "warn" ? "warning" : name) }) else {
            return nil
        }
        self = level
    }
}

extension Logger.MetadataValue: ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByIntegerLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }

    package init(integerLiteral value: Int) { self = .stringConvertible(value) }

    package init(arrayLiteral elements: Logger.MetadataValue...) { self = .array(elements) }

    package init(dictionaryLiteral elements: (String, Logger.MetadataValue)...) {
        self = .dictionary(Logger.Metadata(elements) { _, last in last })
    }
}
