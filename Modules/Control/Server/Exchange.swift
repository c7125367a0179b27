import CMicroHTTPD
import MusicFSSystem

/// One request and its response. Touched only by the microhttpd thread that serves the connection.
final class Exchange {
    /// A body that is too long is taken and thrown away up to here, because many clients look at no answer before they
    /// have sent all; one that is longer still is refused at once or cut off.
    private static let discardLimit = 1 << 20

    private let gate: Gate
    private let connection: ConnectionHandle
    private var body: [UInt8] = []
    private var received = 0
    private var stream: (id: UInt64, stream: ResponseStream)?

    private var service: Service { gate.service }

    init(_ gate: Gate, _ connection: ConnectionHandle) {
        self.gate = gate
        self.connection = connection
        service.requestBegan()
    }

    /// microhttpd has sent the response, or given up.
    func end() {
        service.connections.began(connection)
        service.requestEnded(stream: stream)
    }

    /// The header is here.
    func begin() -> MHD_Result {
        if let refusal = gate.refusal(socket: connection.socket, header: header) {
            return respond(.failure(refusal.error), headers: refusal.headers)
        }
        guard let length = header("Content-Length").flatMap({ Int($0) }), length > Self.discardLimit else {
            return .YES
        }
        return respond(.failure(tooLarge))
    }

    /// A part of the body is here.
    func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        received += bytes.count
        if received <= ControlServer.bodyLimit { unsafe body.append(contentsOf: bytes) }
        return received <= Self.discardLimit ? .YES : .NO
    }

    /// The request is here as a whole.
    func answer(method: String, path: String) -> MHD_Result {
        if received > ControlServer.bodyLimit { return respond(.failure(tooLarge)) }
        switch service.router.match(method: method, path: path) {
        case .noSuchPath:
            return respond(.failure(ControlError(.notFound, "there is nothing at \(path)")))
        case .noSuchMethod(let allowed):
            return respond(
                .failure(ControlError(.methodNotAllowed, "\(method) is not possible here", remedy: "use \(allowed)")),
                headers: [("Allow", allowed)])
        case .handler(let handler):
            do {
                let response = try handler(
                    ControlRequest(query: query(), body: body, lastEventID: header("Last-Event-ID")))
                if case .stream(let producer) = response { return try answer(method: method, with: producer) }
                return respond(response)
            } catch {
                return respond(.failure(error))
            }
        }
    }

    private var tooLarge: ControlError {
        ControlError(.tooLarge, "the request's body is longer than \(ControlServer.bodyLimit) bytes")
    }

    private func answer(
        method: String, with producer: @escaping @Sendable (StreamWriter) -> Void
    ) throws(ControlError) -> MHD_Result {
        let stream = ResponseStream(connection, format: StreamFormat(accept: header("Accept") ?? ""))
        if method == "HEAD" {
            return respond(.complete(status: 200, contentType: stream.format.contentType, body: []))
        }
        guard let id = service.register(stream) else {
            throw ControlError(.unavailable, "no further stream can be opened", remedy: "close one and try again")
        }
        self.stream = (id, stream)
        service.connections.streams(connection)
        do {
            try service.produce(stream, id: id, on: connection, producer)
        } catch {
            throw ControlError(.unavailable, "cannot start the stream", remedy: "try again later", cause: error)
        }
        // The response holds a reference to the stream until microhttpd destroys it.
        let context = unsafe Unmanaged.passRetained(stream).toOpaque()
        guard
            let response = unsafe MHD_create_response_from_callback(
                cmicrohttpd_size_unknown, 16 << 10, readCallback, context, releaseCallback)
        else {
            unsafe releaseCallback(context)
            return .NO
        }
        return unsafe queue(response, status: 200, headers: [("Content-Type", stream.format.contentType)])
    }

    /// Queues a complete response.
    private func respond(_ response: ControlResponse, headers: [(String, String)] = []) -> MHD_Result {
        guard case .complete(let status, let contentType, let body) = response else { return .NO }
        // MUST_COPY: the library only reads, though its parameter is not const.
        let created = unsafe body.withUnsafeBytes { bytes in
            unsafe MHD_create_response_from_buffer(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard let created = unsafe created else { return .NO }
        return unsafe queue(created, status: status, headers: [("Content-Type", contentType)] + headers)
    }

    private func queue(_ response: OpaquePointer, status: Int, headers: [(String, String)]) -> MHD_Result {
        defer { unsafe MHD_destroy_response(response) }
        for (name, value) in headers + [("Cache-Control", "no-store")] {
            // Refused only when memory is short or a value holds a line break; then the header is missing.
            _ = unsafe MHD_add_response_header(response, name, value)
        }
        return unsafe MHD_queue_response(connection.raw, UInt32(clamping: status), response)
    }

    private func header(_ name: String) -> String? {
        guard let value = unsafe MHD_lookup_connection_value(connection.raw, .HEADER_KIND, name) else { return nil }
        return unsafe String(cString: value)
    }

    private func query() -> [QueryItem] {
        var items: [QueryItem] = []
        unsafe withUnsafeMutablePointer(to: &items) { pointer in
            _ = unsafe MHD_get_connection_values_n(
                connection.raw, .GET_ARGUMENT_KIND,
                { context, _, name, nameSize, value, valueSize in
                    let items = unsafe context?.assumingMemoryBound(to: [QueryItem].self)
                    unsafe items?.pointee.append(
                        QueryItem(
                            String(decoding: UnsafeRawBufferPointer(start: name, count: nameSize), as: UTF8.self),
                            bytes: Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueSize))))
                    return .YES
                }, pointer)
        }
        return items
    }
}

// MARK: microhttpd's callbacks

let accessCallback: MHD_AccessHandlerCallback = { context, connection, path, method, _, data, size, slot in
    guard let context = unsafe context, let connection = unsafe connection, let path = unsafe path,
        let method = unsafe method,
        let size = unsafe size, let slot = unsafe slot
    else { return .NO }
    guard let known = unsafe slot.pointee else {
        let gate = unsafe Unmanaged<Gate>.fromOpaque(context).takeUnretainedValue()
        let exchange = unsafe Exchange(gate, ConnectionHandle(raw: connection))
        // The slot holds a reference until `completedCallback`, which follows once the slot is set.
        unsafe slot.pointee = Unmanaged.passRetained(exchange).toOpaque()
        return exchange.begin()
    }
    let exchange = unsafe Unmanaged<Exchange>.fromOpaque(known).takeUnretainedValue()
    let count = unsafe size.pointee
    if count == 0 {
        return unsafe exchange.answer(method: String(cString: method), path: String(cString: path))
    }
    unsafe size.pointee = 0
    return unsafe exchange.receive(UnsafeRawBufferPointer(start: data, count: count))
}

let completedCallback: MHD_RequestCompletedCallback = { _, _, slot, _ in
    guard let known = unsafe slot?.pointee else { return }
    unsafe slot?.pointee = nil
    unsafe Unmanaged<Exchange>.fromOpaque(known).takeRetainedValue().end()
}

let connectionCallback: MHD_NotifyConnectionCallback = { context, connection, _, event in
    guard let context = unsafe context, let connection = unsafe connection else { return }
    let gate = unsafe Unmanaged<Gate>.fromOpaque(context).takeUnretainedValue()
    let handle = unsafe ConnectionHandle(raw: connection)
    switch event {
    case .CONNECTION_NOTIFY_STARTED: gate.service.connections.began(handle)
    default: gate.service.connections.ended(handle)
    }
}

private let readCallback: MHD_ContentReaderCallback = { context, _, buffer, room in
    guard let context = unsafe context, let buffer = unsafe buffer else { return MHD_CONTENT_READER_END_WITH_ERROR }
    let stream = unsafe Unmanaged<ResponseStream>.fromOpaque(context).takeUnretainedValue()
    return unsafe stream.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: room))
}

private let releaseCallback: MHD_ContentReaderFreeCallback = { context in
    if let context = unsafe context { unsafe Unmanaged<ResponseStream>.fromOpaque(context).release() }
}
