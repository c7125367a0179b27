import CSSH2
import MusicFSCore
import MusicFSSystem

/// One SSH connection with SFTP on it, its host verified and its user let in. Used by one thread at a time; every call
/// has the time that `deadline` leaves.
///
/// Sendable because the pool gives it to one thread at a time, which is libssh2's own rule.
@safe final class SSHSession: @unchecked Sendable {
    let socket: SharedFD
    private let session: OpaquePointer
    private(set) var sftp: OpaquePointer
    /// The configured folder as the server resolves it: links are followed only below it.
    private(set) var root: [UInt8] = []
    var lastUse = monotonicNanoseconds()
    /// Whether it is to be ended without a word, since the server does not answer, or not in order.
    var isBroken = false
    let files = OpenHandles()

    private init(_ socket: SharedFD, _ session: OpaquePointer, _ sftp: OpaquePointer) {
        self.socket = socket
        unsafe self.session = session
        unsafe self.sftp = sftp
    }

    deinit {
        // Saying goodbye to a server that hangs would take as long again for each open file.
        if isBroken { cutConnection(socket) }
        unsafe libssh2_session_set_timeout(session, 200)
        files.closeAll()
        unsafe libssh2_sftp_shutdown(sftp)
        unsafe libssh2_session_free(session)
    }

    private static let library: Bool = libssh2_init(0) == 0

    /// Connects, verifies the host's key against `known_hosts`, and lets the user in.
    static func connect(
        _ settings: SFTPSettings, address: String, deadline: UInt64
    ) throws(OriginError) -> (session: SSHSession, address: String) {
        _ = library
        let (socket, found) = try connected(settings, address, deadline)
        guard let session = unsafe libssh2_session_init_ex(nil, nil, nil, nil) else {
            throw OriginError(.transient, "no memory for an SSH session")
        }
        do throws(OriginError) {
            unsafe libssh2_session_set_blocking(session, 1)
            unsafe setTimeout(session, deadline)
            let hosts = unsafe try KnownHosts(session, settings)
            unsafe try hosts.prefer(session)
            if unsafe libssh2_session_handshake(session, socket.raw) != 0 {
                throw unsafe failure(session, "the SSH handshake failed", .unreachable)
            }
            unsafe try hosts.verify(session)
            unsafe setTimeout(session, deadline)
            unsafe try SSHLogin(session, settings).perform()
            unsafe setTimeout(session, deadline)
            guard let sftp = unsafe libssh2_sftp_init(session) else {
                throw unsafe failure(session, "the server offers no SFTP", .permission)
            }
            unsafe libssh2_keepalive_config(session, 0, 15)
            let result = unsafe SSHSession(socket, session, sftp)
            result.root = try result.realPath(settings.path.bytes, deadline)
            return (result, found)
        } catch {
            unsafe libssh2_session_free(session)
            throw error
        }
    }

    private static func connected(
        _ settings: SFTPSettings, _ address: String, _ deadline: UInt64
    ) throws(OriginError) -> (SharedFD, String) {
        do throws(ConnectFailure) {
            let (socket, found) = try connectTCP(host: address, port: settings.port, deadline: deadline)
            return (socket, found)
        } catch {
            switch error {
            case .nameResolution:
                throw OriginError(.nameResolution, "the host \(settings.host) has no address; check host")
            case .system(let errno):
                throw OriginError(.unreachable, "no connection to \(settings.host):\(settings.port): \(errno)")
            }
        }
    }

    /// Whether calls wait for the server, or only send what they have to.
    func waits(_ isWaiting: Bool) { unsafe libssh2_session_set_blocking(session, isWaiting ? 1 : 0) }

    /// Gives the next calls the time until `deadline`.
    func allow(until deadline: UInt64) { unsafe SSHSession.setTimeout(session, deadline) }

    /// The same in the middle of an operation of many calls: a server that sends a little at a time must not have all of
    /// the time again for each.
    func continues(until deadline: UInt64) throws(OriginError) {
        guard monotonicNanoseconds() < deadline else {
            throw OriginError(.unreachable, "the server is too slow: the time ran out")
        }
        allow(until: deadline)
    }

    @unsafe private static func setTimeout(_ session: OpaquePointer, _ deadline: UInt64) {
        let now = monotonicNanoseconds()
        let left = deadline > now ? (deadline - now) / 1_000_000 : 1
        unsafe libssh2_session_set_timeout(session, Int(clamping: max(1, min(left, 86_400_000))))
    }

    /// What the last call's failure means.
    func failure(_ doing: String) -> OriginError {
        let code = unsafe libssh2_session_last_errno(session)
        guard code == LIBSSH2_ERROR_SFTP_PROTOCOL else { return unsafe SSHSession.failure(session, doing, .transient) }
        switch unsafe libssh2_sftp_last_error(sftp) {
        case LIBSSH2_FX_NO_SUCH_FILE, LIBSSH2_FX_NO_SUCH_PATH:
            return OriginError(.notFound, "\(doing): there is no such file")
        case LIBSSH2_FX_PERMISSION_DENIED: return OriginError(.permission, "\(doing): permission denied")
        default: return OriginError(.transient, "\(doing): the server gave an error")
        }
    }

    @unsafe static func failure(
        _ session: OpaquePointer, _ doing: String, _ otherwise: OriginError.Code
    ) -> OriginError {
        var text: UnsafeMutablePointer<CChar>?
        let code = unsafe libssh2_session_last_error(session, &text, nil, 0)
        let message = unsafe text.map { unsafe String(cString: $0) } ?? "error \(code)"
        return OriginError(code == LIBSSH2_ERROR_TIMEOUT ? .unreachable : otherwise, "\(doing): \(message)")
    }

    /// A path without links, as the server sees it.
    func realPath(_ path: [UInt8], _ deadline: UInt64) throws(OriginError) -> [UInt8] {
        allow(until: deadline)
        var target = [CChar](repeating: 0, count: 4096)
        let count = unsafe path.withUnsafeBytes { bytes in
            unsafe libssh2_sftp_symlink_ex(
                sftp, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(bytes.count), &target, 4096,
                LIBSSH2_SFTP_REALPATH)
        }
        guard count > 0, Int(count) <= target.count else { throw failure("resolving a path") }
        return target[..<Int(count)].map { UInt8(bitPattern: $0) }
    }
}

/// Files that are open on one session, the last used ones.
final class OpenHandles {
    @safe private struct Entry {
        var path: [UInt8]
        var stamp: FileStamp
        var handle: OpaquePointer
        var lastUse: UInt64
    }

    private var entries: [Entry] = []
    private static let limit = 8
    private static let idle: UInt64 = 5_000_000_000

    /// A handle that was verified not long ago.
    @unsafe func handle(_ path: [UInt8], _ stamp: FileStamp) -> OpaquePointer? {
        let now = monotonicNanoseconds()
        guard let index = entries.firstIndex(where: { $0.path == path && $0.stamp == stamp }) else { return nil }
        if now > entries[index].lastUse &+ Self.idle {
            unsafe libssh2_sftp_close_handle(entries[index].handle)
            entries.remove(at: index)
            return nil
        }
        entries[index].lastUse = now
        return unsafe entries[index].handle
    }

    @unsafe func keep(_ handle: OpaquePointer, _ path: [UInt8], _ stamp: FileStamp) {
        if entries.count >= Self.limit,
            let oldest = entries.indices.min(by: { entries[$0].lastUse < entries[$1].lastUse })
        {
            unsafe libssh2_sftp_close_handle(entries[oldest].handle)
            entries.remove(at: oldest)
        }
        entries.append(unsafe Entry(path: path, stamp: stamp, handle: handle, lastUse: monotonicNanoseconds()))
    }

    func closeAll() {
        for entry in entries { unsafe libssh2_sftp_close_handle(entry.handle) }
        entries = []
    }
}
