import CLinux

/// Why there is no connection.
package enum ConnectFailure: Error, Hashable, Sendable {
    /// The host's name has no address, or nobody could be asked.
    case nameResolution
    case system(Errno)
}

/// Connects to a host, at the latest until `deadline` but for the name's resolution, which the system's resolver bounds.
///
/// - Returns: the socket, which does not block, and the address that answered.
package func connectTCP(
    host: String, port: Int, deadline: UInt64
) throws(ConnectFailure) -> (socket: SharedFD, address: String) {
    var address = [CChar](repeating: 0, count: 64)
    let left = deadline &- monotonicNanoseconds()
    let milliseconds = deadline <= monotonicNanoseconds() ? 1 : CInt(clamping: left / 1_000_000)
    let fd = unsafe clinux_connect_tcp(host, "\(port)", milliseconds, &address, 64)
    if fd == -2 { throw .nameResolution }
    if fd < 0 { throw .system(.current) }
    let text = String(decoding: address.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (SharedFD(OwnedFD(owning: fd)), text)
}

/// Ends a connection at once, whatever is under way on it: all that waits for it fails.
package func cutConnection(_ socket: SharedFD) { cutConnection(socket.raw) }

/// The same for a socket that somebody else owns, who must not close it meanwhile.
package func cutConnection(_ socket: CInt) { _ = CLinux.shutdown(socket, CInt(SHUT_RDWR)) }
