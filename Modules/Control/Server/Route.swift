/// What a handler sees of a request.
package struct ControlRequest: Hashable, Sendable {
    package var query: [QueryItem]
    /// At most `ControlServer.bodyLimit` bytes.
    package var body: [UInt8]
    /// The header Last-Event-ID, with which a stream of events is resumed.
    package var lastEventID: String?

    package init(query: [QueryItem] = [], body: [UInt8] = [], lastEventID: String? = nil) {
        self.query = query
        self.body = body
        self.lastEventID = lastEventID
    }

    /// All parameters of that name as they were sent, percent-decoded.
    package func all(_ name: String) -> [[UInt8]] { query.filter { $0.name == name }.map(\.value) }

    /// The first parameter of that name as text; bytes that are not UTF-8 become U+FFFD.
    package func text(_ name: String) -> String? { bytes(name).map { String(decoding: $0, as: UTF8.self) } }

    /// The first parameter of that name as it was sent, percent-decoded.
    package func bytes(_ name: String) -> [UInt8]? { query.first { $0.name == name }?.value }

    /// Whether a parameter of that name says yes: `name`, `name=1` or `name=true`.
    package func flag(_ name: String) -> Bool { text(name).map { ["", "1", "true"].contains($0) } ?? false }

    /// The body as JSON.
    ///
    /// - Throws: `badRequest` when it is not JSON of that shape.
    package func decode<T: Decodable>(_ type: T.Type) throws(ControlError) -> T { try JSON.decode(type, from: body) }
}

/// What a handler answers.
package enum ControlResponse: Sendable {
    case complete(status: Int, contentType: String, body: [UInt8])
    /// A sequence of JSON values, sent as the producer makes them: one a line, or server-sent events for a client that
    /// accepts `text/event-stream`. The producer runs on a thread of its own and may block; the response ends when it
    /// returns.
    case stream(producer: @Sendable (StreamWriter) -> Void)

    /// - Throws: `failed` when JSON cannot hold the value.
    package static func json(_ value: some Encodable, status: Int = 200) throws(ControlError) -> ControlResponse {
        .json(bytes: try JSON.encode(value), status: status)
    }

    package static func json(bytes: [UInt8], status: Int = 200) -> ControlResponse {
        .complete(status: status, contentType: "application/json", body: bytes)
    }

    package static func text(
        _ text: String, contentType: String = "text/plain; charset=utf-8", status: Int = 200
    ) -> ControlResponse {
        .complete(status: status, contentType: contentType, body: Array(text.utf8))
    }

    static func failure(_ error: ControlError) -> ControlResponse {
        let body = ErrorBody(error: error.message, remedy: error.remedy)
        // Two strings always encode.
        return .json(bytes: (try? JSON.encode(body)) ?? [], status: error.httpStatus)
    }
}

/// What answers one method of one path.
package struct Route: Sendable {
    package typealias Handler = @Sendable (ControlRequest) throws(ControlError) -> ControlResponse

    package let method: HTTPMethod
    package let path: String
    /// nil for what is not told in the document of the interface.
    package let operation: Operation?
    package let handler: Handler

    /// - Parameter handler: called on one of the server's few threads, concurrently with itself: it must not block
    ///   longer than a database query takes. What takes long belongs into a `.stream`.
    package init(
        _ method: HTTPMethod, _ path: String, _ operation: Operation? = nil, _ handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.handler = handler
    }
}

/// The routes by path and method.
struct Router: Sendable {
    private var methods: [String: [HTTPMethod: Route.Handler]] = [:]

    init(_ routes: [Route]) {
        for route in routes { methods[route.path, default: [:]][route.method] = route.handler }
    }

    enum Match {
        case handler(Route.Handler)
        case noSuchPath
        /// The value of the Allow header.
        case noSuchMethod(allowed: String)
    }

    /// HEAD is answered like GET, as RFC 9110 (section 9.3.2) wants; the HTTP library leaves the body out.
    func match(method: String, path: String) -> Match {
        guard let handlers = methods[path] else { return .noSuchPath }
        if let known = HTTPMethod(rawValue: method == "HEAD" ? "GET" : method), let handler = handlers[known] {
            return .handler(handler)
        }
        let names = handlers.keys.map(\.rawValue) + (handlers[.get] == nil ? [] : ["HEAD"])
        return .noSuchMethod(allowed: names.sorted().joined(separator: ", "))
    }
}
