import MusicFSCore

/// A type that says itself what its JSON looks like.
protocol SchemaDescribed: Decodable {
    static func schema(_ builder: SchemaBuilder) throws -> JSONSchema
    /// Any value.
    static var example: Self { get }
}

/// Works out what a type's JSON looks like by having the type decoded from nothing: what the compiler wrote for
/// `Decodable` asks for each key with its type, so a schema can never differ from the report that it is of.
final class SchemaBuilder {
    /// The schemas of objects, by the names of their types.
    private(set) var components: [String: JSONSchema] = [:]

    func schema(of type: any Decodable.Type) throws -> JSONSchema {
        switch type {
        case let type as any SchemaDescribed.Type: return try type.schema(self)
        case is String.Type: return .string()
        case is Bool.Type: return .boolean
        case is Double.Type, is Float.Type: return .number
        case is any FixedWidthInteger.Type: return .integer
        default:
            let name = Self.name(of: type)
            if components[name] == nil { _ = try value(of: type) }
            return .reference(name)
        }
    }

    /// Decodes a value of that type from nothing, and keeps what it asked for.
    fileprivate func value<T: Decodable>(of type: T.Type) throws -> T {
        let record = SchemaRecord()
        let value = try T(from: SchemaDecoder(builder: self, record: record))
        if record.isObject { components[Self.name(of: type)] = .object(record.properties) }
        return value
    }

    /// `CacheReport.Origin` of `MusicFSControl.CacheReport.Origin`.
    private static func name(of type: any Decodable.Type) -> String {
        String(reflecting: type).split(separator: ".").dropFirst().joined(separator: ".")
    }
}

/// What a type has asked for.
private final class SchemaRecord {
    var isObject = false
    var properties: [JSONSchema.Property] = []
    var optionals: Set<String> = []

    func add(_ name: String, _ schema: JSONSchema, isAlwaysThere: Bool) {
        properties.append(
            JSONSchema.Property(
                name: name, schema: schema, isRequired: isAlwaysThere || !optionals.contains(name)))
    }
}

private struct SchemaDecoder: Decoder {
    let builder: SchemaBuilder
    let record: SchemaRecord
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        record.isObject = true
        return KeyedDecodingContainer(SchemaContainer<Key>(builder: builder, record: record))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw undescribed }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw undescribed }

    /// For the programmer: what is neither an object nor described has no schema.
    private var undescribed: DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: [], debugDescription: "the type must be SchemaDescribed"))
    }
}

private struct SchemaContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let builder: SchemaBuilder
    let record: SchemaRecord
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { true }

    /// Asked for optional values before they are decoded.
    func decodeNil(forKey key: Key) throws -> Bool {
        record.optionals.insert(key.stringValue)
        return false
    }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        record.add(key.stringValue, try builder.schema(of: type), isAlwaysThere: type is any NullableValue.Type)
        if let described = type as? any SchemaDescribed.Type, let example = described.example as? T { return example }
        return try builder.value(of: type)
    }

    private func take<T: Decodable>(_ example: T, _ key: Key) throws -> T {
        record.add(key.stringValue, try builder.schema(of: T.self), isAlwaysThere: false)
        return example
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try take(false, key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try take("", key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try take(0, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try take(0, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try take(0, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try take(0, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try take(0, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try take(0, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try take(0, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try take(0, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try take(0, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try take(0, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try take(0, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try take(0, key) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try SchemaDecoder(builder: builder, record: SchemaRecord()).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try SchemaDecoder(builder: builder, record: record).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { SchemaDecoder(builder: builder, record: record) }
    func superDecoder(forKey key: Key) throws -> any Decoder { SchemaDecoder(builder: builder, record: record) }
}

// MARK: Types that describe themselves

/// `null` rather than a key that is missing.
private protocol NullableValue {}
extension Nullable: NullableValue {}

extension Nullable: SchemaDescribed {
    static func schema(_ builder: SchemaBuilder) throws -> JSONSchema {
        .either([try builder.schema(of: Value.self), .null])
    }
    static var example: Self { Self(wrappedValue: nil) }
}

extension Array: SchemaDescribed where Element: Decodable {
    static func schema(_ builder: SchemaBuilder) throws -> JSONSchema {
        .array(try builder.schema(of: Element.self))
    }
    static var example: Self { [] }
}

extension Dictionary: SchemaDescribed where Key == String, Value: Decodable {
    static func schema(_ builder: SchemaBuilder) throws -> JSONSchema {
        .map(try builder.schema(of: Value.self))
    }
    static var example: Self { [:] }
}

extension Timestamp: SchemaDescribed {
    static func schema(_ builder: SchemaBuilder) -> JSONSchema { .string(format: "date-time") }
    static var example: Self { Timestamp(nanoseconds: 0) }
}

extension EventValue: SchemaDescribed {
    static func schema(_ builder: SchemaBuilder) -> JSONSchema { .either([.string(), .integer, .boolean]) }
    static var example: Self { .flag(false) }
}

extension ScanProgress.Phase: SchemaDescribed {
    static func schema(_ builder: SchemaBuilder) -> JSONSchema { .words(allCases.map(\.rawValue)) }
    static var example: Self { .done }
}
