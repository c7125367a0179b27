/// Values by property, ready for the wrappers to pick up.
typealias ParsedValues = [ArgumentKey: any Sendable]

/// Fills a `ParsableArguments` through its synthesized `init(from:)`: each wrapper is decoded by name and takes its
/// value from `values`. Nothing else can be decoded, so a stored property without wrapper fails with its name.
struct ArgumentDecoder: Decoder {
    let values: ParsedValues
    /// The type whose properties are decoded.
    let owner: ObjectIdentifier
    /// The property that is decoded, nil for the type itself.
    var property: String?

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func decode<T: ParsableArguments>(_ type: T.Type, values: ParsedValues) throws -> T {
        try T(from: ArgumentDecoder(values: values, owner: ObjectIdentifier(type)))
    }

    static func value<T: Sendable>(from decoder: any Decoder) throws -> T {
        guard let decoder = decoder as? ArgumentDecoder, let property = decoder.property,
            let value = decoder.values[ArgumentKey(owner: decoder.owner, property: property)] as? Converted<T>
        else { throw undecodable("an argument wrapper outside of ParsableArguments") }
        return value.value
    }

    static func group<T: ParsableArguments>(from decoder: any Decoder) throws -> T {
        guard let decoder = decoder as? ArgumentDecoder else {
            throw undecodable("an option group outside of ParsableArguments")
        }
        return try decode(T.self, values: decoder.values)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Properties(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw Self.undecodable("a property without wrapper: \(property ?? "")")
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw Self.undecodable("a property without wrapper: \(property ?? "")")
    }

    private static func undecodable(_ what: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: [], debugDescription: "cannot parse \(what)"))
    }

    private struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: ArgumentDecoder

        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { [] }

        func contains(_ key: Key) -> Bool { true }
        func decodeNil(forKey key: Key) throws -> Bool { false }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            var decoder = decoder
            decoder.property = key.stringValue
            return try T(from: decoder)
        }

        func nestedContainer<NestedKey: CodingKey>(
            keyedBy type: NestedKey.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<NestedKey> {
            throw ArgumentDecoder.undecodable("a nested property: \(key.stringValue)")
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            throw ArgumentDecoder.undecodable("a nested property: \(key.stringValue)")
        }

        func superDecoder() throws -> any Decoder {
            throw ArgumentDecoder.undecodable("a superclass")
        }

        func superDecoder(forKey key: Key) throws -> any Decoder {
            throw ArgumentDecoder.undecodable("a superclass: \(key.stringValue)")
        }
    }
}
