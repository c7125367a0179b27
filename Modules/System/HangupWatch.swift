import CLinux

/// Tells when the peers of sockets hang up, without reading from them: one thread waits for any number of sockets.
///
/// A socket is known by its token, so a descriptor number that was closed and given out anew confuses nobody.
package final class HangupWatch: Sendable {
    private let epoll: OwnedFD
    private let stopper: OwnedFD
    private static let stopToken = UInt64.max

    package init() throws(SystemError) {
        epoll = OwnedFD(owning: try checked("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
        stopper = OwnedFD(
            owning: try checked("eventfd") { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) })
        try add(stopper.raw, token: Self.stopToken, events: EPOLLIN.rawValue)
    }

    /// Watches a socket until it hangs up, is removed or is closed. `token` is below `UInt64.max`.
    package func add(_ socket: CInt, token: UInt64) throws(SystemError) {
        // EPOLLHUP is always reported; once is enough.
        try add(socket, token: token, events: EPOLLONESHOT.rawValue)
    }

    /// Stops watching; a socket that is not watched is no error.
    package func remove(_ socket: CInt) {
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll.raw, EPOLL_CTL_DEL, socket, &event)
    }

    /// Waits for sockets to hang up, at most so long.
    ///
    /// - Returns: their tokens, or nil once `stop` was called.
    package func wait(milliseconds: CInt) -> [UInt64]? {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 16)
        let room = unsafe CInt(events.count)
        guard let count = try? checked("epoll_wait", nil, { unsafe epoll_wait(epoll.raw, &events, room, milliseconds) })
        else {
            return nil
        }
        let tokens = unsafe events.prefix(Int(count)).map { unsafe $0.data.u64 }
        return tokens.contains(Self.stopToken) ? nil : tokens
    }

    package func stop() {
        var one: UInt64 = 1
        _ = unsafe write(stopper.raw, &one, 8)
    }

    private func add(_ fd: CInt, token: UInt64, events: UInt32) throws(SystemError) {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: token))
        _ = try checked("epoll_ctl") { unsafe epoll_ctl(epoll.raw, EPOLL_CTL_ADD, fd, &event) }
    }
}
