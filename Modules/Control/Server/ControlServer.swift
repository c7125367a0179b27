import CMicroHTTPD
import MusicFSCore
package import MusicFSSystem
import Synchronization

/// The control interface: HTTP/1.1 on a Unix socket (D7), and on loopback TCP where that is wanted, each served by
/// microhttpd on two threads of its own.
///
/// Everything is bounded: 64 connections a socket (further ones wait to be accepted), 32 streams in all, 32 KiB of
/// header, `bodyLimit` of body, a time after which a connection that stands still is closed, and one that a request may
/// take as a whole.
/// The socket appears at its path by a rename, so a successor can take the path while this server still runs; from then
/// on this one serves only the connections that it has.
package final class ControlServer: Sendable {
    /// Bytes of a request's body; a longer one is answered with 413.
    package static let bodyLimit = 64 << 10

    private let service: Service
    private let file: SocketFile
    private let idleSeconds: UInt32
    /// One for each socket; nil once stopped.
    private let daemons: Mutex<[Served]?>

    private struct Served: Sendable {
        var daemon: DaemonHandle
        var gate: Gate
    }

    /// Starts to serve.
    ///
    /// - Parameters:
    ///   - socketPath: at most 107 bytes. The directory is created if it is missing.
    ///   - group: whose members may use the socket beside the owner and root, whom the kernel tells at each request;
    ///     nil or empty for nobody.
    ///   - idleTimeout: how long a connection may stand still: between requests, within one, or while a client takes
    ///     nothing of a response. A stream that has nothing to send does not stand still.
    ///   - requestLimit: how long a request may take from the one before to its answer, but for a stream's.
    /// - Throws: `configuration` for a group that does not exist or a path that is too long, `failed` for what the
    ///   system refuses.
    package init(
        socketPath: FilePath, group: String? = nil, routes: [Route], idleTimeout: Duration = .seconds(30),
        requestLimit: Duration = .seconds(60)
    ) throws(ControlError) {
        let group = try group.flatMap { (name) throws(ControlError) in name.isEmpty ? nil : try Self.number(of: name) }
        let listener = try Self.listen(at: socketPath, group: group)
        file = listener.file
        idleSeconds = UInt32(clamping: idleTimeout.components.seconds)
        do throws(SystemError) {
            service = try Service(Router(routes), requestLimit: requestLimit)
            let gate = Gate(service, .peer(owner: ThisProcess.user, group: group))
            daemons = Mutex([try Self.serve(listener.fd, gate, idleSeconds)])
        } catch {
            listener.file.remove()
            throw Self.refusal(socketPath, error)
        }
        do throws(SystemError) {
            try file.publish()
        } catch {
            stop()
            throw Self.refusal(socketPath, error)
        }
    }

    deinit { stop() }

    /// Stops: removes the socket unless a successor has taken its path, accepts nothing more, closes the streams, lets
    /// running requests end, and closes the connections. Not to be called by a handler. A second call does nothing.
    ///
    /// - Parameter limit: about how long this may take. Requests get half of it to end.
    /// - Returns: false when a handler or a producer had not returned by then; its thread goes on alone.
    @discardableResult
    package func stop(within limit: Duration = .seconds(4)) -> Bool {
        guard
            let served = daemons.withLock({ daemons in
                let taken = daemons
                daemons = nil
                return taken
            })
        else { return true }
        let half = max(limit, .zero) / 2
        file.remove()
        for served in served { service.stopListening(served.daemon) }
        var isDone = service.drain(deadline: SystemClock().deadline(after: half))
        let deadline = SystemClock().deadline(after: half)
        for served in served where !service.stop(served.daemon, of: served.gate, deadline: deadline) { isDone = false }
        return isDone
    }

    /// Serves the same routes on loopback TCP too, for who knows the token.
    ///
    /// - Returns: the port, which the kernel chooses for 0.
    /// - Throws: `configuration` for an address that is taken or not to be had, `unavailable` after a stop.
    package func listen(on address: LoopbackAddress, token: BearerToken) throws(ControlError) -> Int {
        do throws(SystemError) {
            let listener = try LoopbackListener.bind(address)
            let served = try Self.serve(listener.fd, Gate(service, .bearer(token)), idleSeconds)
            let isKept = daemons.withLock { daemons in
                daemons?.append(served)
                return daemons != nil
            }
            if isKept { return listener.port }
            service.stopListening(served.daemon)
            _ = service.stop(served.daemon, of: served.gate, deadline: SystemClock().deadline(after: .seconds(1)))
        } catch {
            throw ControlError(
                .configuration, "cannot serve at control.tcp = \"\(address)\"",
                remedy: error.errno == .addressInUse
                    ? "another program listens there: choose another port" : "choose another address or port",
                cause: error)
        }
        throw ControlError(.unavailable, "the control interface has stopped")
    }

    private static func serve(
        _ socket: borrowing OwnedFD, _ gate: Gate, _ idleSeconds: UInt32
    ) throws(SystemError) -> Served {
        // The library closes the descriptor that it is given when it stops, and on some failures to start: it gets
        // its own.
        let descriptor = try socket.duplicated().release()
        guard let daemon = gate.service.start(socket: descriptor, gate: gate, idleSeconds: idleSeconds) else {
            throw SystemError("MHD_start_daemon", nil, .current)
        }
        return Served(daemon: daemon, gate: gate)
    }

    private static func number(of group: String) throws(ControlError) -> UInt32 {
        do throws(SystemError) {
            if let number = try groupID(named: group) { return number }
        } catch { throw ControlError(.failed, "cannot look up the group \(group)", cause: error) }
        throw ControlError(
            .configuration, "control.group: there is no group \(group)",
            remedy: "create it with 'groupadd \(group)' or name another one")
    }

    private static func listen(at path: FilePath, group: UInt32?) throws(ControlError) -> UnixListener {
        do throws(SystemError) {
            return try UnixListener.bind(path, mode: group == nil ? 0o600 : 0o660, group: group)
        } catch { throw refusal(path, error) }
    }

    private static func refusal(_ path: FilePath, _ error: SystemError) -> ControlError {
        let message = "cannot open the control socket \(path)"
        switch (error.call, error.errno) {
        case (_, .nameTooLong):
            return ControlError(
                .configuration, message, remedy: "set control.socket to a path of at most 100 bytes", cause: error)
        case ("chown", _):
            return ControlError(
                .configuration, message,
                remedy: "control.group must be a group that the user who runs musicfs is a member of", cause: error)
        default:
            return ControlError(
                .failed, message, remedy: "musicfs must be able to write to its directory", cause: error)
        }
    }
}
