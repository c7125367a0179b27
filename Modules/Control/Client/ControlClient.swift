import MusicFSCore
package import MusicFSSystem

/// What a daemon answered.
package struct ControlReply: Hashable, Sendable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
}

/// Speaks with the daemon behind a control socket: one connection for each request, blocking, every wait with an end.
package struct ControlClient: Hashable, Sendable {
    /// Bytes of a complete answer.
    private static let replyLimit = 16 << 20
    /// Bytes of one line of a streamed answer.
    private static let lineLimit = 1 << 20

    package let socketPath: FilePath
    /// How long one request may take, or how long a stream may take to begin.
    package let timeout: Duration

    /// How long a socket with nobody behind it is tried: that of a server that is being replaced has one before long.
    let patience: Duration

    package init(
        socketPath: FilePath, timeout: Duration = .seconds(10), patience: Duration = .milliseconds(1500)
    ) {
        self.socketPath = socketPath
        self.timeout = timeout
        self.patience = patience
    }

    /// Sends a request and answers with what came back, whatever its status.
    ///
    /// - Throws: `noDaemon`, `notPermitted`, `timeout`, `violation`.
    package func request(
        _ method: HTTPMethod = .get, _ path: String, query: [QueryItem] = [], body: [UInt8] = []
    ) throws(ControlError) -> ControlReply {
        let deadline = SystemClock().deadline(after: timeout)
        let connection = try open(method, path, query, body, deadline)
        var parser = ResponseParser()
        var reply: [UInt8] = []
        while !parser.isComplete {
            try receive(connection, &parser, into: &reply, deadline)
            if reply.count > Self.replyLimit { throw violation("an answer of over \(Self.replyLimit) bytes") }
        }
        return ControlReply(status: parser.status, contentType: parser.contentType, body: reply)
    }

    /// Sends a request and decodes the answer.
    ///
    /// - Throws: what `request` throws, and the daemon's own error when the status is not 2xx.
    package func value<T: Decodable>(
        _ type: T.Type, _ method: HTTPMethod = .get, _ path: String, query: [QueryItem] = [], body: [UInt8] = []
    ) throws(ControlError) -> T {
        let reply = try request(method, path, query: query, body: body)
        try Self.check(reply)
        do {
            return try JSON.decode(type, from: reply.body)
        } catch {
            throw violation(error.message)
        }
    }

    /// Sends a request and hands out the lines of its answer as they arrive, without their line breaks.
    ///
    /// - Parameters:
    ///   - idleTimeout: how long the daemon may send nothing; nil for ever.
    ///   - onLine: returns false to stop. Empty lines are left out.
    /// - Throws: what `request` throws, and the daemon's own error when the status is not 2xx; `violation` when the
    ///   daemon broke off.
    package func lines(
        _ method: HTTPMethod = .get, _ path: String, query: [QueryItem] = [], body: [UInt8] = [],
        idleTimeout: Duration? = nil, _ onLine: ([UInt8]) -> Bool
    ) throws(ControlError) {
        let start = SystemClock().deadline(after: timeout)
        let connection = try open(method, path, query, body, start)
        var parser = ResponseParser()
        var pending: [UInt8] = []
        while !parser.isComplete {
            let patience =
                parser.isHeadComplete ? idleTimeout.map { SystemClock().deadline(after: $0) } ?? .max : start
            // Only what is new can hold a line break.
            let known = pending.count
            try receive(connection, &parser, into: &pending, patience)
            guard parser.isHeadComplete, parser.status / 100 == 2 else {
                if pending.count > Self.lineLimit { throw violation("an error of over \(Self.lineLimit) bytes") }
                continue
            }
            if !Self.takeLines(&pending, searchingFrom: known, onLine) { return }
            if pending.count > Self.lineLimit { throw violation("a line of over \(Self.lineLimit) bytes") }
        }
        try Self.check(ControlReply(status: parser.status, contentType: parser.contentType, body: pending))
        if !pending.isEmpty { _ = onLine(pending) }
    }

    /// - Returns: false when `onLine` did.
    private static func takeLines(
        _ pending: inout [UInt8], searchingFrom known: Int, _ onLine: ([UInt8]) -> Bool
    ) -> Bool {
        var start = 0
        var search = min(known, pending.count)
        while let end = pending[search...].firstIndex(of: UInt8(ascii: "\n")) {
            if end > start, !onLine(Array(pending[start..<end])) { return false }
            start = end + 1
            search = start
        }
        pending.removeFirst(start)
        return true
    }

    // MARK: The connection

    private func open(
        _ method: HTTPMethod, _ path: String, _ query: [QueryItem], _ body: [UInt8], _ deadline: UInt64
    ) throws(ControlError) -> UnixConnection {
        let connection: UnixConnection
        do throws(SystemError) {
            connection = try connect(deadline)
        } catch {
            throw refusal(error)
        }
        var head =
            "\(method.rawValue) \(requestTarget(path, query)) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if method != .get || !body.isEmpty { head += "Content-Length: \(body.count)\r\n" }
        if !body.isEmpty { head += "Content-Type: application/json\r\n" }
        do throws(SystemError) {
            try connection.send(Array((head + "\r\n").utf8) + body, deadline: deadline)
        } catch {
            // A server that refuses a long body answers and closes without reading it: the answer is there to be read.
            guard error.errno == .pipe || error.errno == .connectionReset else { throw refusal(error) }
        }
        return connection
    }

    /// While a server is replaced its socket is there for a moment with nobody behind it.
    private func connect(_ deadline: UInt64) throws(SystemError) -> UnixConnection {
        let patience = min(deadline, SystemClock().deadline(after: patience))
        var refusal: SystemError?
        while true {
            do throws(SystemError) {
                return try UnixConnection.connect(to: socketPath, deadline: deadline)
            } catch {
                // Once the deadline has passed, what was said before says more.
                if let refusal, error.errno == .timedOut { throw refusal }
                guard error.errno == .connectionRefused, monotonicNanoseconds() < patience else { throw error }
                refusal = error
                _ = pollReadable([], milliseconds: 20)
            }
        }
    }

    private func receive(
        _ connection: borrowing UnixConnection, _ parser: inout ResponseParser, into body: inout [UInt8],
        _ deadline: UInt64
    ) throws(ControlError) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try connection.receive(atMost: 64 << 10, deadline: deadline)
        } catch {
            throw refusal(error)
        }
        if bytes.isEmpty { try parser.end() } else { try parser.consume(bytes, into: &body) }
    }

    private func refusal(_ error: SystemError) -> ControlError {
        switch error.errno {
        case .noEntry, .notDirectory, .connectionRefused, .notSocket:
            ControlError(
                .noDaemon, "no daemon answers at \(socketPath)",
                remedy: "start one with 'musicfs mount', or name its socket with --socket", cause: error)
        case .access, .perm:
            ControlError(
                .notPermitted, "the control socket \(socketPath) is not for this user",
                remedy: "run this as the daemon's user, or as a member of the group that control.group names",
                cause: error)
        case .timedOut:
            ControlError(
                .timeout, "the daemon at \(socketPath) does not answer in time",
                remedy: "try again, or look into the daemon's log", cause: error)
        case .connectionReset, .pipe: violation("the connection was broken off")
        case .nameTooLong:
            ControlError(
                .configuration, "\(socketPath) is too long for a socket", remedy: "use a path of at most 107 bytes",
                cause: error)
        default:
            ControlError(
                .failed, "cannot talk to the daemon at \(socketPath)", remedy: "see the cause and try again",
                cause: error)
        }
    }

    private static func check(_ reply: ControlReply) throws(ControlError) {
        if reply.status / 100 == 2 { return }
        let code = ControlError.code(httpStatus: reply.status)
        if let body = try? JSON.decode(ErrorBody.self, from: reply.body) {
            throw ControlError(code, body.error, remedy: body.remedy)
        }
        throw ControlError(code, "the daemon answered with status \(reply.status)")
    }
}
