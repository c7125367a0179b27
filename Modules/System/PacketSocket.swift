import CLinux

/// One end of a pair of connected Unix sockets that keep the bounds of packets (SOCK_SEQPACKET) and can carry a
/// descriptor with each. Any thread may use it, several at once too.
package final class PacketSocket: Sendable {
    private let fd: OwnedFD

    /// What arrived: the length of a packet, and the descriptor that came with it.
    package struct Packet: ~Copyable {
        /// Bytes at the front of the buffer; 0 when the peer has closed.
        package let count: Int
        package let descriptor: OwnedFD?
    }

    /// Takes over a descriptor that was inherited.
    package init(owning fd: consuming OwnedFD) { self.fd = fd }

    /// The number, to hand it to a child.
    package var raw: CInt { fd.raw }

    /// Both buffers are as large as the kernel allows (net.core.wmem_max), since a packet must fit into one.
    package static func pair() throws(SystemError) -> (PacketSocket, PacketSocket) {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        _ = try checked("socketpair") { unsafe socketpair(AF_UNIX, type, 0, &ends) }
        let pair = (PacketSocket(owning: OwnedFD(owning: ends[0])), PacketSocket(owning: OwnedFD(owning: ends[1])))
        for end in ends {
            var size: CInt = 1 << 20
            _ = try checked("setsockopt") {
                unsafe setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
            }
        }
        return pair
    }

    /// Sends one packet, with a copy of `descriptor` when it is not nil.
    ///
    /// - Throws: `again` when `waiting` is false and the peer's queue is full, `pipe` or `connectionReset` when the
    ///   peer has closed, `messageTooLong` when the packet is larger than the buffer.
    package func send(_ bytes: [UInt8], descriptor: CInt? = nil, waiting: Bool = true) throws(SystemError) {
        let flags = waiting ? 0 : CInt(MSG_DONTWAIT)
        var number = descriptor ?? -1
        let count: UInt32 = descriptor == nil ? 0 : 1
        _ = try checked("sendmsg") {
            unsafe bytes.withUnsafeBytes {
                unsafe clinux_send_with_fds(fd.raw, $0.baseAddress, UInt($0.count), &number, count, flags)
            }
        }
    }

    /// Takes the next packet; what is longer than `buffer` is cut.
    ///
    /// - Throws: `again` when `waiting` is false and there is none.
    package func receive(into buffer: inout [UInt8], waiting: Bool = true) throws(SystemError) -> Packet {
        let flags = waiting ? 0 : CInt(MSG_DONTWAIT)
        var number: CInt = -1
        var arrived: UInt32 = 0
        let count = try checked("recvmsg") {
            arrived = 1
            return unsafe buffer.withUnsafeMutableBytes {
                unsafe clinux_receive_with_fds(fd.raw, $0.baseAddress, UInt($0.count), &number, &arrived, flags)
            }
        }
        return Packet(count: count, descriptor: arrived == 1 ? OwnedFD(owning: number) : nil)
    }

    /// Waits for a packet or for the peer to close.
    ///
    /// - Returns: false when `deadline` (nanoseconds of CLOCK_MONOTONIC) passed first.
    package func waitUntilReadable(deadline: UInt64) throws(SystemError) -> Bool {
        while true {
            let now = monotonicNanoseconds()
            // Rounded up, so that the last wait does not end just before the deadline.
            let milliseconds = deadline <= now ? 0 : CInt(clamping: (deadline - now) / 1_000_000 + 1)
            var entry = pollfd(fd: fd.raw, events: Int16(POLLIN), revents: 0)
            if try checked("poll", nil, { unsafe poll(&entry, 1, milliseconds) }) > 0 { return true }
            if deadline <= now { return false }
        }
    }

    /// Ends both directions: the peer, and whoever waits here, see the end.
    package func shutdown() { _ = CLinux.shutdown(fd.raw, CInt(SHUT_RDWR)) }
}

extension Errno {
    package static let messageTooLong = Errno(rawValue: EMSGSIZE)
}
