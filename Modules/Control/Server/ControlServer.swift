import CMicroHTTPD
import MusicFSCore
package import MusicFSSystem
import Synchronization

/// The control interface: HTTP/1.1 on a Unix socket (D7), served by microhttpd on two threads of its own.
///
/// Everything is bounded: 64 connections (further ones wait to be accepted), of which 32 may be streams, 32 KiB of
/// header, `bodyLimit` of body, and a time after which a connection that stands still is closed.
/// The socket appears at its path by a rename, so a successor can take the path while this server still runs; from then
/// on this one serves only the connections that it has.
package final class ControlServer: Sendable {
    /// Bytes of a request's body; a longer one is answered with 413.
    package static let bodyLimit = 64 << 10

    private let service: Service
    private let file: SocketFile
    private let daemon: Mutex<DaemonHandle?>

    /// Starts to serve.
    ///
    /// - Parameters:
    ///   - socketPath: at most 107 bytes. The directory is created if it is missing.
    ///   - group: whose members may use the socket beside the owner and root; nil or empty for nobody.
    ///   - idleTimeout: how long a connection may stand still: between requests, within one, or while a client takes
    ///     nothing of a response. A stream that has nothing to send does not stand still.
    /// - Throws: `configuration` for a group that does not exist or a path that is too long, `failed` for what the
    ///   system refuses.
    package init(
        socketPath: FilePath, group: String? = nil, routes: [Route], idleTimeout: Duration = .seconds(30)
    ) throws(ControlError) {
        let listener = try Self.listen(at: socketPath, group: group.flatMap { $0.isEmpty ? nil : $0 })
        file = listener.file
        do throws(SystemError) {
            service = try Service(Router(routes))
            // The library closes the descriptor that it is given when it stops, and on some failures to start: it gets
            // its own.
            let descriptor = try listener.fd.duplicated().release()
            guard
                let handle = service.start(
                    socket: descriptor, idleSeconds: UInt32(clamping: idleTimeout.components.seconds))
            else { throw SystemError("MHD_start_daemon", socketPath, .current) }
            daemon = Mutex(handle)
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
            let handle = daemon.withLock({ handle in
                let taken = handle
                handle = nil
                return taken
            })
        else { return true }
        let half = max(limit, .zero) / 2
        file.remove()
        service.stopListening(handle)
        let isDrained = service.drain(deadline: SystemClock().deadline(after: half))
        return service.stop(handle, deadline: SystemClock().deadline(after: half)) && isDrained
    }

    private static func listen(at path: FilePath, group: String?) throws(ControlError) -> UnixListener {
        do {
            var number: UInt32?
            if let group {
                number = try groupID(named: group)
                if number == nil {
                    throw ControlError(
                        .configuration, "control.group: there is no group \(group)",
                        remedy: "create it with 'groupadd \(group)' or name another one")
                }
            }
            return try UnixListener.bind(path, mode: group == nil ? 0o600 : 0o660, group: number)
        } catch let error as ControlError {
            throw error
        } catch let error as SystemError {
            throw refusal(path, error)
        } catch {
            throw ControlError(.failed, "cannot open the control socket \(path): \(error)")
        }
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
