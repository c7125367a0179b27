import MusicFSCore
import MusicFSSystem
import Synchronization

/// How long each connection has been at its request.
///
/// microhttpd closes a connection that stands still; one that moves a byte now and then would never stand still, so each
/// request has a limit as a whole: from the end of the one before (or the connection's begin) until it is answered. Only
/// streams may take as long as they like.
final class ConnectionTable: Sendable {
    private let limit: Duration
    /// By socket: nanoseconds of CLOCK_MONOTONIC, nil for a stream. A socket is only cut while its entry is here, which is
    /// taken out before the library closes the descriptor, so that no later owner of the number is hit.
    private let deadlines = Mutex<[CInt: UInt64?]>([:])

    init(limit: Duration) { self.limit = limit }

    /// A connection is there, or is done with a request.
    func began(_ connection: ConnectionHandle) {
        let socket = connection.socket
        let deadline = SystemClock().deadline(after: limit)
        deadlines.withLock { _ = $0.updateValue(deadline, forKey: socket) }
    }

    func streams(_ connection: ConnectionHandle) {
        let socket = connection.socket
        deadlines.withLock { _ = $0.updateValue(nil, forKey: socket) }
    }

    /// The library is about to close it.
    func ended(_ connection: ConnectionHandle) {
        let socket = connection.socket
        deadlines.withLock { _ = $0.removeValue(forKey: socket) }
    }

    /// Ends the connections that are over their time; the library then sees them closed.
    func cutOverdue() {
        let now = monotonicNanoseconds()
        deadlines.withLock { deadlines in
            for (socket, deadline) in deadlines {
                guard let deadline, deadline <= now else { continue }
                cutConnection(socket)
                deadlines.updateValue(nil, forKey: socket)
            }
        }
    }
}
