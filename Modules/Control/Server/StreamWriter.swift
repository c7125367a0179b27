/// Where the producer of a streamed response puts its values. May be used from any thread.
package struct StreamWriter: Sendable {
    private let stream: ResponseStream

    init(_ stream: ResponseStream) { self.stream = stream }

    /// Sends one value; blocks while the client has not taken what was sent before.
    ///
    /// - Parameters:
    ///   - event: the event's type, which only server-sent events carry.
    ///   - id: what a client can resume behind, likewise.
    /// - Returns: false when the client is gone or the server stops: the producer should return.
    /// - Throws: `failed` when JSON cannot hold the value.
    package func send(_ value: some Encodable, event: String? = nil, id: String? = nil) throws(ControlError) -> Bool {
        send(json: try JSON.encode(value), event: event, id: id)
    }

    /// Sends one value that is JSON already.
    package func send(json: [UInt8], event: String? = nil, id: String? = nil) -> Bool {
        stream.send(stream.format.message(json, event: event, id: id))
    }

    /// False once the client is gone or the server stops.
    package var isOpen: Bool { stream.isOpen }

    /// Calls `body` once when the client goes or the server stops before the producer has returned; at once when that
    /// has happened. It wakes a producer that waits for something to send, and must not block.
    package func onClose(_ body: @escaping @Sendable () -> Void) { stream.onClose(body) }
}

/// How a stream of JSON values is written.
enum StreamFormat: Sendable {
    case lines, serverSentEvents

    /// - Parameter accept: the request's Accept header.
    init(accept: String) { self = accept.contains("text/event-stream") ? .serverSentEvents : .lines }

    var contentType: String {
        switch self {
        case .lines: "application/x-ndjson"
        case .serverSentEvents: "text/event-stream"
        }
    }

    /// The bytes of one value. A raw line break can only be white space between JSON's tokens, and would end the line.
    func message(_ json: [UInt8], event: String?, id: String? = nil) -> [UInt8] {
        let line = json.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
        switch self {
        case .lines:
            return line + [UInt8(ascii: "\n")]
        case .serverSentEvents:
            let type = event.map { "event: \($0.filter { !$0.isNewline })\n" } ?? ""
            let place = id.map { "id: \($0.filter { !$0.isNewline })\n" } ?? ""
            return Array(place.utf8) + Array(type.utf8) + Array("data: ".utf8) + line + Array("\n\n".utf8)
        }
    }
}
