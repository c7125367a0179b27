import FoundationEssentials

/// JSON as the control interface writes and reads it: keys sorted, one line.
package enum JSON {
    /// - Throws: `failed` for a value that JSON cannot hold, such as a number that is not finite.
    package static func encode(_ value: some Encodable) throws(ControlError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw ControlError(.failed, "cannot write \(type(of: value)) as JSON (\(error))")
        }
    }

    /// - Throws: `badRequest` when `bytes` are not JSON of that shape.
    package static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws(ControlError) -> T {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ControlError(.badRequest, "the JSON is not a \(type) (\(error))")
        }
    }
}
