/// The shape of a JSON value, as far as JSON Schema 2020-12 is needed here.
package indirect enum JSONSchema: Hashable, Sendable {
    /// With a format such as `date-time`.
    case string(format: String? = nil)
    case words([String])
    case integer, number, boolean, null
    case array(JSONSchema)
    /// An object with any keys.
    case map(JSONSchema)
    case object([Property])
    case either([JSONSchema])
    /// One of the document's components.
    case reference(String)

    package struct Property: Hashable, Sendable {
        package var name: String
        package var schema: JSONSchema
        /// Whether the key is always there.
        package var isRequired: Bool
    }

    var json: JSONValue {
        switch self {
        case .string(let format): .object(["type": "string"], format.map { ["format": .string($0)] } ?? [:])
        case .words(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        case .integer: ["type": "integer"]
        case .number: ["type": "number"]
        case .boolean: ["type": "boolean"]
        case .null: ["type": "null"]
        case .array(let element): ["type": "array", "items": element.json]
        case .map(let value): ["type": "object", "additionalProperties": value.json]
        case .object(let properties):
            [
                "type": "object",
                "properties": .object(
                    Dictionary(properties.map { ($0.name, $0.schema.json) }) { first, _ in first }),
                "required": .array(properties.filter(\.isRequired).map { .string($0.name) }),
            ]
        case .either(let schemas): ["anyOf": .array(schemas.map(\.json))]
        case .reference(let name): ["$ref": .string("#/components/schemas/\(name)")]
        }
    }
}

/// Any JSON.
enum JSONValue: Hashable, Sendable {
    case string(String)
    case boolean(Bool)
    case null
    case array([JSONValue])
    case object([String: JSONValue])

    /// The members of both; those of the second count.
    static func object(_ first: [String: JSONValue], _ second: [String: JSONValue]) -> JSONValue {
        .object(first.merging(second) { _, new in new })
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { first, _ in first })
    }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue: Encodable {
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let value): try container.encode(value)
        case .boolean(let value): try container.encode(value)
        case .null: try container.encodeNil()
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}
