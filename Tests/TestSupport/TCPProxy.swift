import Foundation
import MusicFSSystem
import Synchronization

/// A TCP proxy whose line can be made slow, silent, or cut: what a network does, on demand.
///
/// Latency is a delay line: bytes are held until their time has come, and as many as there are may be under way.
package final class TCPProxy: Sendable {
    private struct State: Sendable {
        var latency: Double = 0
        var rate = 0
        /// When the line is free again, in each direction.
        var (freeUp, freeDown) = (0.0, 0.0)
        var isFrozen = false
        var refuses = false
        var open: [Reference] = []
        var down = 0
        var up = 0
        var connections = 0
        var turns = 0
    }

    package let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())

    /// - Parameter target: the port of this machine that is connected to.
    package init(target: Int) throws {
        self.target = target
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try TCPProxy.bindAndListen(listener)
        let thread = Thread { [weak self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0, let self else { return }
                self.serve(client)
            }
        }
        thread.start()
    }

    deinit {
        cut()
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Seconds that bytes need in each direction.
    package var latency: Double {
        get { state.withLock { $0.latency } }
        set { state.withLock { $0.latency = newValue } }
    }

    /// Bytes a second in each direction, of all connections together; 0 for as many as there are.
    package var rate: Int {
        get { state.withLock { $0.rate } }
        set { state.withLock { $0.rate = newValue } }
    }

    /// While it is, nothing gets through, and nobody is told.
    package var isFrozen: Bool {
        get { state.withLock { $0.isFrozen } }
        set { state.withLock { $0.isFrozen = newValue } }
    }

    /// While it does, connections are closed at once.
    package var refuses: Bool {
        get { state.withLock { $0.refuses } }
        set { state.withLock { $0.refuses = newValue } }
    }

    /// Bytes that the server sent.
    package var bytesDown: Int { state.withLock { $0.down } }
    package var bytesUp: Int { state.withLock { $0.up } }
    package var connections: Int { state.withLock { $0.connections } }
    /// How often a client spoke after its server had, or first of all: round trips.
    package var turns: Int { state.withLock { $0.turns } }

    /// Closes all connections.
    package func cut() {
        let open = state.withLock { state in
            defer { state.open = [] }
            return state.open.compactMap(\.closer)
        }
        for socket in open.flatMap(\.sockets) { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private func serve(_ client: Int32) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard !refuses, TCPProxy.connect(server, port: target) else {
            close(client)
            close(server)
            return
        }
        for socket in [client, server] {
            var on: Int32 = 1
            unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        let closer = Closer(client, server)
        state.withLock { state in
            state.open.removeAll { $0.closer == nil }
            state.open.append(Reference(closer: closer))
            state.connections += 1
        }
        let conversation = Conversation()
        pump(client, server, closer, isDown: false) { state, count in
            state.up += count
            if conversation.clientSpeaks() { state.turns += 1 }
        }
        pump(server, client, closer, isDown: true) { state, count in
            state.down += count
            conversation.serverSpeaks()
        }
    }

    /// Waits until the line has room for more.
    ///
    /// - Returns: up to which of `count` bytes, of which `sent` are sent.
    private func awaitTurn(isDown: Bool, _ sent: Int, _ count: Int) -> Int {
        let (due, end) = state.withLock { state -> (Double, Int) in
            guard state.rate > 0 else { return (0, count) }
            let end = min(count, sent + max(1, state.rate / 100))
            let now = Date().timeIntervalSinceReferenceDate
            let due = max(now, isDown ? state.freeDown : state.freeUp)
            let next = due + Double(end - sent) / Double(state.rate)
            if isDown { state.freeDown = next } else { state.freeUp = next }
            return (next, end)
        }
        let left = due - Date().timeIntervalSinceReferenceDate
        if left > 0 { usleep(useconds_t(left * 1e6)) }
        return end
    }

    /// Whose turn it is on one connection.
    private final class Conversation: Sendable {
        private let isClientsTurn = Mutex(true)

        /// - Returns: whether it is an answer to the server, or the first word.
        func clientSpeaks() -> Bool {
            isClientsTurn.withLock { turn in
                defer { turn = false }
                return turn
            }
        }

        func serverSpeaks() { isClientsTurn.withLock { $0 = true } }
    }

    /// A number of a socket means nothing once it was closed: it may be somebody else's by then.
    private struct Reference: Sendable {
        weak let closer: Closer?
    }

    /// Closes both ends once nobody uses them any more.
    private final class Closer: Sendable {
        let sockets: [Int32]
        init(_ sockets: Int32...) { self.sockets = sockets }
        deinit { for socket in sockets { close(socket) } }
    }

    private func pump(
        _ from: Int32, _ to: Int32, _ closer: Closer, isDown: Bool,
        _ count: @escaping @Sendable (inout State, Int) -> Void
    ) {
        let line = Condition<[(due: Double, bytes: [UInt8])]>([])
        let reader = Thread { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let size = buffer.count
                let got = unsafe recv(from, &buffer, size, 0)
                let bytes = got > 0 ? Array(buffer[..<got]) : []
                let due = Date().timeIntervalSinceReferenceDate + (self?.latency ?? 0)
                line.withLock { $0.append((due, bytes)) }
                line.signal()
                if got <= 0 { break }
                self?.state.withLock { count(&$0, got) }
            }
            withExtendedLifetime(closer) {}
        }
        let writer = Thread { [weak self] in
            while true {
                let (due, bytes) = line.wait { $0.isEmpty ? nil : $0.removeFirst() }
                let left = due - Date().timeIntervalSinceReferenceDate
                if left > 0 { usleep(useconds_t(left * 1e6)) }
                while self?.isFrozen ?? false { usleep(5000) }
                if bytes.isEmpty { break }
                var sent = 0
                while sent < bytes.count {
                    let end = self?.awaitTurn(isDown: isDown, sent, bytes.count) ?? bytes.count
                    let count = unsafe bytes[sent..<end].withUnsafeBytes {
                        unsafe send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    if count <= 0 { break }
                    sent += count
                }
            }
            shutdown(to, Int32(SHUT_WR))
            withExtendedLifetime(closer) {}
        }
        reader.start()
        writer.start()
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func connect(_ socket: Int32, port: Int) -> Bool {
        var address = address(port)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func bindAndListen(_ socket: Int32) throws -> Int {
        var address = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(socket, $0, size) == 0 && listen(socket, 64) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        guard isBound else { throw ServerError("no port is free") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    /// A port that nobody listens on.
    package static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        return try bindAndListen(socket)
    }

    /// Whether somebody listens on a port.
    package static func answers(_ port: Int) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        return connect(socket, port: port)
    }
}

/// Why a server of the tests did not come up.
package struct ServerError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
