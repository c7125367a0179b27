package import MusicFSCore

/// An event as clients see it.
package struct EventReport: Codable, Hashable, Sendable {
    /// What the stream can be resumed behind; nil for `lost`, which is no event of its own.
    @Nullable package var id: String?
    /// One of `Event.names`, or `lost`: the subscriber was too slow, or away too long, and missed some.
    package var type: String
    package var timestampMilliseconds: Int64
    /// The event's fields; of `lost` only `count`, which is missing where nobody knows.
    package var data: [String: EventValue]

    private enum CodingKeys: String, CodingKey {
        case id, data
        case type = "event_type"
        case timestampMilliseconds = "timestamp_ms"
    }

    package init(id: String?, type: String, timestampMilliseconds: Int64, data: [String: EventValue]) {
        self.id = id
        self.type = type
        self.timestampMilliseconds = timestampMilliseconds
        self.data = data
    }
}

extension EventValue: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .flag(let flag): try container.encode(flag)
        }
    }
}
