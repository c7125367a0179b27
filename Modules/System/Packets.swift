import CLinux

/// Two connected sockets that keep packets apart (AF_UNIX, SOCK_SEQPACKET).
package func packetPair() throws(SystemError) -> (SharedFD, SharedFD) {
    var pair: [CInt] = [-1, -1]
    _ = try checked("socketpair") {
        unsafe socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &pair)
    }
    return (SharedFD(OwnedFD(owning: pair[0])), SharedFD(OwnedFD(owning: pair[1])))
}

/// A pipe: what is written to the second end is read from the first.
package func makePipe() throws(SystemError) -> (read: SharedFD, write: SharedFD) {
    var pair: [CInt] = [-1, -1]
    _ = try checked("pipe2") { unsafe pipe2(&pair, O_CLOEXEC) }
    return (SharedFD(OwnedFD(owning: pair[0])), SharedFD(OwnedFD(owning: pair[1])))
}

/// Sends one packet, and duplicates of descriptors with it (SCM_RIGHTS).
package func sendPacket(_ socket: CInt, _ bytes: [UInt8], fds: [CInt] = []) throws(SystemError) {
    _ = try checked("sendmsg") {
        unsafe bytes.withUnsafeBytes { data in
            unsafe fds.withUnsafeBufferPointer { descriptors in
                unsafe clinux_send_with_fds(
                    socket, data.baseAddress, UInt(data.count), descriptors.baseAddress, UInt32(descriptors.count), 0)
            }
        }
    }
}

/// Receives one packet of at most `limit` bytes and 8 descriptors; empty at the end of the connection.
package func receivePacket(
    _ socket: CInt, limit: Int
) throws(SystemError) -> (bytes: [UInt8], descriptors: [SharedFD]) {
    var bytes = [UInt8](repeating: 0, count: limit)
    var fds = [CInt](repeating: -1, count: 8)
    var count: UInt32 = 8
    let received = try checked("recvmsg") {
        count = 8
        return unsafe bytes.withUnsafeMutableBytes { data in
            unsafe clinux_receive_with_fds(socket, data.baseAddress, UInt(data.count), &fds, &count, 0)
        }
    }
    let descriptors = fds.prefix(Int(count)).map { SharedFD(OwnedFD(owning: $0)) }
    return (Array(bytes.prefix(received)), descriptors)
}
