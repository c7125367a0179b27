import CLinux

/// A connected Unix stream socket whose every wait ends at a deadline (nanoseconds of CLOCK_MONOTONIC).
package struct UnixConnection: ~Copyable, Sendable {
    private let fd: OwnedFD

    /// - Throws: `noEntry` or `connectionRefused` when nobody listens, `access` without the right to write to the
    ///   socket, `timedOut` when the listener accepts nothing until the deadline, `nameTooLong` over 107 bytes.
    package static func connect(to path: FilePath, deadline: UInt64) throws(SystemError) -> UnixConnection {
        let address = try socketAddress(path, call: "connect")
        let fd = OwnedFD(owning: try checked("socket") { socket(AF_UNIX, streamSocket, 0) })
        // A non-blocking connect(2) would answer EAGAIN for a full backlog, with nothing to poll for; a blocking one
        // waits as long as SO_SNDTIMEO allows.
        let now = monotonicNanoseconds()
        if deadline <= now { throw SystemError("connect", path, .timedOut) }
        let remaining = deadline - now
        var patience = timeval(
            tv_sec: Int(remaining / 1_000_000_000), tv_usec: max(1, Int(remaining % 1_000_000_000 / 1000)))
        _ = try checked("setsockopt") {
            unsafe setsockopt(fd.raw, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        do throws(SystemError) {
            _ = try unsafe address.withPointer { (pointer, length) throws(SystemError) in
                try checked("connect", path) { unsafe CLinux.connect(fd.raw, pointer, length) }
            }
        } catch {
            throw error.errno == .again ? SystemError("connect", path, .timedOut) : error
        }
        return UnixConnection(fd: fd)
    }

    /// Sends all of `bytes`.
    ///
    /// - Throws: `pipe` when the peer has closed, `timedOut`.
    package func send(_ bytes: [UInt8], deadline: UInt64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let from = done
            do throws(SystemError) {
                done += try checked("send") {
                    unsafe bytes.withUnsafeBytes { buffer in
                        unsafe CLinux.send(
                            fd.raw, buffer.baseAddress?.advanced(by: from), buffer.count - from,
                            CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
                    }
                }
            } catch {
                guard error.errno == .again else { throw error }
                try waitUntilReady(CInt(POLLOUT), deadline: deadline)
            }
        }
    }

    /// The next bytes, at most `limit`; empty at the end of the stream.
    ///
    /// - Throws: `timedOut`; `connectionReset` when the peer closed with bytes of ours unread.
    package func receive(atMost limit: Int, deadline: UInt64) throws(SystemError) -> [UInt8] {
        try waitUntilReady(CInt(POLLIN), deadline: deadline)
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
            do throws(SystemError) {
                initialized = try checked("recv") { unsafe recv(fd.raw, buffer.baseAddress, limit, 0) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private func waitUntilReady(_ events: CInt, deadline: UInt64) throws(SystemError) {
        while true {
            let now = monotonicNanoseconds()
            if deadline <= now { throw SystemError("poll", nil, .timedOut) }
            // Rounded up, so that the last wait does not end just before the deadline.
            let milliseconds = CInt(clamping: (deadline - now) / 1_000_000 + 1)
            var entry = pollfd(fd: fd.raw, events: Int16(truncatingIfNeeded: events), revents: 0)
            if try checked("poll", nil, { unsafe poll(&entry, 1, milliseconds) }) > 0 { return }
        }
    }
}

let streamSocket = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

/// A sockaddr_un that holds a path.
struct SocketAddress {
    private var address: sockaddr_un

    fileprivate init(_ address: sockaddr_un) { self.address = address }

    func withPointer<R, E: Error>(
        _ body: (__CONST_SOCKADDR_ARG, socklen_t) throws(E) -> R
    ) throws(E) -> R {
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        // A do-catch through Result keeps the typed throw, which withUnsafePointer would erase.
        let result: Result<R, E> = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                do throws(E) {
                    return .success(try unsafe body(__CONST_SOCKADDR_ARG(__sockaddr__: generic), length))
                } catch { return .failure(error) }
            }
        }
        return try result.get()
    }
}

func socketAddress(_ path: FilePath, call: String) throws(SystemError) -> SocketAddress {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // The kernel would take 108 bytes without a NUL, but not every program does.
    guard path.bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw SystemError(call, path, .nameTooLong)
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.bytes) }
    return SocketAddress(address)
}

extension Errno {
    package static let addressInUse = Errno(rawValue: EADDRINUSE)
    package static let connectionReset = Errno(rawValue: ECONNRESET)
    package static let notSocket = Errno(rawValue: ENOTSOCK)
}
