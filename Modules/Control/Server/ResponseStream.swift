import CMicroHTTPD
import MusicFSSystem

/// A connection of the HTTP library.
@safe struct ConnectionHandle: @unchecked Sendable {
    // Sendable: microhttpd allows MHD_resume_connection and MHD_get_connection_info from any thread while the
    // connection lives, and ResponseStream forgets it before it dies.
    let raw: OpaquePointer

    var socket: CInt { unsafe cmicrohttpd_socket(raw) }

    fileprivate func suspend() { unsafe MHD_suspend_connection(raw) }
    fileprivate func resume() { unsafe MHD_resume_connection(raw) }
}

/// The bounded buffer between the producer of a streamed response and the HTTP library's thread that sends it.
///
/// While the buffer is empty the connection is suspended, so that no thread spins or waits for it. Lock order: this
/// stream's lock, then the library's (inside suspend and resume, which call nothing of ours). They are called under
/// our lock because a resume must meet a connection that is suspended and alive: `suspended` and `connection` say so
/// only while the lock is held.
final class ResponseStream: Sendable {
    private struct State: Sendable {
        /// Nil once the library is done with the request.
        var connection: ConnectionHandle?
        var pending: [UInt8] = []
        var suspended = false
        /// The producer has returned.
        var finished = false
        /// The client is gone or the server stops.
        var closed = false
        var closeHandlers: [@Sendable () -> Void] = []
    }

    /// Bytes that wait to be sent; a single larger message passes when nothing else waits.
    static let capacity = 64 << 10

    let format: StreamFormat
    private let state: Condition<State>

    init(_ connection: ConnectionHandle, format: StreamFormat) {
        self.format = format
        state = Condition(State(connection: connection))
    }

    // MARK: The producer's side

    var isOpen: Bool { state.withLock { !$0.closed } }

    func send(_ message: [UInt8]) -> Bool {
        state.wait { state in
            if state.closed { return false }
            if !state.pending.isEmpty, state.pending.count + message.count > Self.capacity { return nil }
            state.pending += message
            Self.resume(&state)
            return true
        }
    }

    /// The producer has returned; what is pending is still sent.
    func finish() {
        state.withLock { state in
            state.finished = true
            state.closeHandlers = []
            Self.resume(&state)
        }
    }

    func onClose(_ body: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.closed { state.closeHandlers.append(body) }
            return state.closed
        }
        if isClosed { body() }
    }

    // MARK: The server's side

    /// Fills the library's buffer, or suspends the connection until there is something to send.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count: Int = state.withLock { state in
            if state.closed { return MHD_CONTENT_READER_END_WITH_ERROR }
            if !state.pending.isEmpty {
                let count = min(buffer.count, state.pending.count)
                unsafe buffer.copyBytes(from: state.pending[..<count])
                state.pending.removeFirst(count)
                return count
            }
            if state.finished { return MHD_CONTENT_READER_END_OF_STREAM }
            guard let connection = state.connection else { return MHD_CONTENT_READER_END_WITH_ERROR }
            state.suspended = true
            connection.suspend()
            return 0
        }
        state.broadcast()
        return count
    }

    /// The client is gone: nothing more is sent, and the producer is told.
    func close() { close { Self.resume(&$0) } }

    /// The server stops: what is unfinished is closed.
    ///
    /// - Returns: false for a stream whose producer has returned; its last bytes may still go out.
    func cut() -> Bool {
        if state.withLock({ $0.finished && !$0.closed }) { return false }
        close()
        return true
    }

    /// The library is done with the request, and frees the connection when this returns.
    func detach(from watch: HangupWatch) {
        close { state in
            if let connection = state.connection { watch.remove(connection.socket) }
            state.connection = nil
            state.suspended = false
        }
    }

    private func close(_ change: (inout State) -> Void) {
        let handlers = state.withLock { state in
            state.closed = true
            state.pending = []
            change(&state)
            let handlers = state.closeHandlers
            state.closeHandlers = []
            return handlers
        }
        state.broadcast()
        for handler in handlers { handler() }
    }

    private static func resume(_ state: inout State) {
        guard state.suspended, let connection = state.connection else { return }
        state.suspended = false
        connection.resume()
    }
}
