import CLinux

/// A counter that wakes pollers (eventfd(2)); once raised it stays readable.
package final class WakeUp: Sendable {
    private let fd: SharedFD

    package init() throws(SystemError) {
        fd = SharedFD(OwnedFD(owning: try checked("eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) }))
    }

    package var raw: CInt { fd.raw }

    package func raise() {
        var one: UInt64 = 1
        _ = unsafe write(fd.raw, &one, 8)
    }
}

/// What poll(2) said of one descriptor.
package struct PollResult: Hashable, Sendable {
    package var isReadable: Bool
    /// POLLERR, POLLHUP or POLLNVAL.
    package var isBroken: Bool
}

/// Waits until one of the descriptors is readable or broken, at most `milliseconds` (-1: for ever).
///
/// - Returns: one result each, in their order; none ready when the time is over or a signal came.
package func pollReadable(_ descriptors: [CInt], milliseconds: CInt) -> [PollResult] {
    var table = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let count = nfds_t(table.count)
    let ready = unsafe poll(&table, count, milliseconds)
    return table.map { entry in
        let events = ready > 0 ? CInt(entry.revents) : 0
        return PollResult(
            isReadable: events & POLLIN != 0, isBroken: events & (POLLERR | POLLHUP | POLLNVAL) != 0)
    }
}

/// read(2) into memory of the caller; EINTR is looped over.
package func readOnce(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    try checked("read") { unsafe read(fd, buffer.baseAddress, buffer.count) }
}

/// Makes calls on the descriptor fail with EAGAIN rather than wait.
package func setNonBlocking(_ fd: CInt) throws(SystemError) {
    let flags = try checked("fcntl") { clinux_fcntl_int(fd, F_GETFL, 0) }
    _ = try checked("fcntl") { clinux_fcntl_int(fd, F_SETFL, flags | O_NONBLOCK) }
}
