/// The routes as an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0).
package struct OpenAPIDocument {
    private let builder = SchemaBuilder()
    private let routes: [Route]
    private let version: String

    /// The routes with one more, which answers with the document of them all, itself included.
    ///
    /// - Parameters:
    ///   - routes: those without an `operation` are not told.
    ///   - version: the program's.
    package static func adding(to routes: [Route], version: String) -> [Route] {
        func route(_ handler: @escaping Route.Handler) -> Route {
            Route(.get, "/v1/openapi.json", Operation("This document.", .document), handler)
        }
        let all = routes + [route { _ throws(ControlError) in throw ControlError(.failed, "only told") }]
        return routes + [
            route { _ throws(ControlError) in
                .json(bytes: try JSON.encode(try OpenAPIDocument(routes: all, version: version).document()))
            }
        ]
    }

    private init(routes: [Route], version: String) {
        self.routes = routes
        self.version = version
    }

    /// - Throws: `failed` for an answer whose type has no schema, which is a mistake of the program.
    private func document() throws(ControlError) -> JSONValue {
        let paths: [String: JSONValue]
        let error: JSONValue
        do {
            paths = try self.paths()
            error = try builder.schema(of: ErrorBody.self).json
        } catch { throw ControlError(.failed, "the interface cannot be described: \(error)") }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "MusicFS", "version": .string(version),
                "description": .string(Self.description),
            ],
            "servers": [["url": "http://localhost"]],
            // On the Unix socket nothing, on TCP the token.
            "security": [[:], ["token": []]],
            "paths": .object(paths),
            "components": [
                "schemas": .object(builder.components.mapValues(\.json)),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "responses": [
                    "Error": [
                        "description": "What went wrong, and what to do about it.",
                        "content": ["application/json": ["schema": error]],
                    ]
                ],
            ],
        ]
    }

    private static let description = """
        The control interface of a mount: HTTP/1.1 on a Unix socket, and on loopback TCP where control.tcp is set. \
        Sizes are in bytes, durations in the unit that the key names, times in RFC 3339. Fields may be added, and are \
        never renamed.
        """

    private func paths() throws -> [String: JSONValue] {
        var paths: [String: [String: JSONValue]] = [:]
        for route in routes {
            guard let operation = route.operation else { continue }
            paths[route.path, default: [:]][route.method.rawValue.lowercased()] = try json(operation, route)
        }
        return paths.mapValues { .object($0) }
    }

    private func json(_ operation: Operation, _ route: Route) throws -> JSONValue {
        let words = route.path.split { !$0.isLetter && !$0.isNumber }.filter { $0 != "v1" }
        var members: [String: JSONValue] = [
            "operationId": .string(
                ([route.method.rawValue.lowercased()] + words.map(String.init)).joined(separator: "_")),
            "summary": .string(operation.summary),
            "responses": [
                "200": ["description": .string(operation.summary), "content": .object(try content(operation.answer))],
                "default": ["$ref": "#/components/responses/Error"],
            ],
        ]
        if !operation.parameters.isEmpty { members["parameters"] = .array(operation.parameters.map(json)) }
        return .object(members)
    }

    private func content(_ answer: Operation.Answer) throws -> [String: JSONValue] {
        switch answer {
        case .json(let type): ["application/json": ["schema": try builder.schema(of: type).json]]
        case .stream(let type):
            [
                StreamFormat.lines.contentType: ["schema": try builder.schema(of: type).json],
                StreamFormat.serverSentEvents.contentType: ["schema": try builder.schema(of: type).json],
            ]
        case .text(let contentType): [contentType: ["schema": ["type": "string"]]]
        case .document: ["application/json": ["schema": ["type": "object"]]]
        }
    }

    private func json(_ parameter: Operation.Parameter) -> JSONValue {
        let schema: JSONSchema =
            switch parameter.kind {
            case .text: .string()
            case .flag: .boolean
            case .number: .integer
            }
        return [
            "name": .string(parameter.name), "in": "query", "required": .boolean(parameter.isRequired),
            "description": .string(parameter.description),
            "schema": (parameter.isRepeated ? .array(schema) : schema).json,
        ]
    }
}
