import CMicroHTTPD
import MusicFSSystem

/// A running microhttpd.
@safe struct DaemonHandle: @unchecked Sendable {
    // Sendable: quiesce and stop may be called from any thread, one after the other (microhttpd's manual); the owner
    // gives the handle to one thread at a time.
    fileprivate let raw: OpaquePointer
}

/// What microhttpd's callbacks share: the routes, what runs, and who has hung up.
final class Service: Sendable {
    private struct State: Sendable {
        var isStopping = false
        /// Requests that were begun and not completed, but for streams that were cut.
        var requests = 0
        /// Threads of streams, and the one that watches for hang-ups.
        var threads = 0
        var streams: [UInt64: ResponseStream] = [:]
        var lastStream: UInt64 = 0

        /// A stream and its request are no longer waited for; a second call does nothing.
        mutating func forget(_ stream: UInt64) {
            if streams.removeValue(forKey: stream) != nil { requests -= 1 }
        }
    }

    private static let threads: UInt32 = 2
    private static let connectionLimit: UInt32 = 64
    private static let streamLimit = 32
    private static let headerLimit = 32 << 10

    let router: Router
    let connections: ConnectionTable
    private let watch: HangupWatch
    private let state = Condition(State())

    /// - Parameter requestLimit: see `ConnectionTable`.
    init(_ router: Router, requestLimit: Duration) throws(SystemError) {
        self.router = router
        connections = ConnectionTable(limit: requestLimit)
        watch = try HangupWatch()
        try startTrackedThread("control-watch") { [watch, state, connections] in
            while let tokens = watch.wait(milliseconds: 1000) {
                for token in tokens { state.withLock { $0.streams[token] }?.close() }
                connections.cutOverdue()
            }
        }
    }

    deinit { watch.stop() }

    // MARK: Start and stop, in the order of the calls

    /// Serves one listening socket. The gate must outlive the daemon.
    ///
    /// - Returns: nil when microhttpd refuses; errno tells why.
    func start(socket: CInt, gate: Gate, idleSeconds: UInt32) -> DaemonHandle? {
        let context = unsafe Unmanaged.passUnretained(gate).toOpaque()
        return withSignalsBlocked {
            let daemon = unsafe cmicrohttpd_start(
                socket, Self.threads, Self.connectionLimit, idleSeconds, Self.headerLimit, accessCallback,
                completedCallback, connectionCallback, context)
            return unsafe daemon.map { unsafe DaemonHandle(raw: $0) }
        }
    }

    func stopListening(_ daemon: DaemonHandle) {
        let socket = unsafe MHD_quiesce_daemon(daemon.raw)
        if socket >= 0 { _ = OwnedFD(owning: socket) }
    }

    /// Lets the running requests and the threads of streams end; unfinished streams are cut off.
    ///
    /// - Returns: false when some still ran at the deadline.
    func drain(deadline: UInt64) -> Bool {
        let streams = state.withLock { state in
            state.isStopping = true
            return state.streams
        }
        // From here no connection is suspended again: these streams are finished or cut, and no new ones begin.
        // microhttpd must not be stopped with a suspended connection. Nobody waits for the cut ones, since a client
        // that takes nothing can keep one as long as it likes.
        for (id, stream) in streams where stream.cut() { state.withLock { $0.forget(id) } }
        watch.stop()
        return state.wait(until: deadline) { $0.requests == 0 && $0.threads == 0 ? true : nil } ?? false
    }

    /// Closes the connections and ends microhttpd's threads.
    ///
    /// - Returns: false when a handler still kept one at the deadline.
    func stop(_ daemon: DaemonHandle, of gate: Gate, deadline: UInt64) -> Bool {
        let isDone = Condition(false)
        let body: @Sendable () -> Void = {
            unsafe MHD_stop_daemon(daemon.raw)
            // The callbacks' context is the gate, which must outlive the last of them.
            withExtendedLifetime((self, gate)) {}
            isDone.withLock { $0 = true }
            isDone.broadcast()
        }
        do {
            try startThread("control-stop", body)
        } catch {
            body()
        }
        return isDone.wait(until: deadline) { $0 ? true : nil } ?? false
    }

    // MARK: What the exchanges tell

    func requestBegan() { state.withLock { $0.requests += 1 } }

    func requestEnded(stream: (id: UInt64, stream: ResponseStream)?) {
        stream?.stream.detach(from: watch)
        state.withLock { state in
            if let stream { state.forget(stream.id) } else { state.requests -= 1 }
        }
        state.broadcast()
    }

    /// - Returns: nil when the server stops or has as many streams as it may.
    func register(_ stream: ResponseStream) -> UInt64? {
        state.withLock { state in
            if state.isStopping || state.streams.count >= Self.streamLimit { return nil }
            state.lastStream += 1
            state.streams[state.lastStream] = stream
            return state.lastStream
        }
    }

    /// Starts the producer of a registered stream on `connection`.
    func produce(
        _ stream: ResponseStream, id: UInt64, on connection: ConnectionHandle,
        _ producer: @escaping @Sendable (StreamWriter) -> Void
    ) throws(SystemError) {
        try watch.add(connection.socket, token: id)
        try startTrackedThread("control-stream") {
            producer(StreamWriter(stream))
            stream.finish()
        }
    }

    private func startTrackedThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        state.withLock { $0.threads += 1 }
        let ended: @Sendable () -> Void = { [state] in
            state.withLock { $0.threads -= 1 }
            state.broadcast()
        }
        do {
            try startThread(name) {
                body()
                ended()
            }
        } catch {
            ended()
            throw error
        }
    }
}
