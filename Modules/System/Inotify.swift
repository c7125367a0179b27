import CLinux

/// An inotify(7) instance.
package final class Inotify: Sendable {
    private let fd: SharedFD
    private let wake: SharedFD

    /// What happened to a watched directory or an entry of it.
    package struct Event: Hashable, Sendable {
        package var watch: CInt
        package var mask: UInt32
        /// The entry; empty when the event is about the directory itself.
        package var name: [UInt8]

        /// The queue ran over: events were lost.
        package var isOverflow: Bool { mask & UInt32(IN_Q_OVERFLOW) != 0 }
        package var isDirectory: Bool { mask & UInt32(IN_ISDIR) != 0 }
        /// The watch is gone: removed, or what it watched is.
        package var isIgnored: Bool { mask & UInt32(IN_IGNORED) != 0 }
        package var isUnmounted: Bool { mask & UInt32(IN_UNMOUNT) != 0 }
        package var isGone: Bool { mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF) != 0 }
        package var isArrival: Bool { mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0 }
    }

    package init() throws(SystemError) {
        fd = SharedFD(
            OwnedFD(owning: try checked("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)) }))
        wake = SharedFD(OwnedFD(owning: try checked("eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) }))
    }

    /// Watches a directory for changes of its entries. The same directory gives the same number again.
    /// - Throws: ENOSPC when the user's watches are used up (fs.inotify.max_user_watches).
    package func watch(_ path: FilePath) throws(SystemError) -> CInt {
        let mask = UInt32(
            IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF
                | IN_MOVE_SELF)
        let flags = UInt32(IN_ONLYDIR) | UInt32(IN_EXCL_UNLINK)
        return try unsafe path.withCString { (pointer) throws(SystemError) in
            try checked("inotify_add_watch", path) { unsafe inotify_add_watch(fd.raw, pointer, mask | flags) }
        }
    }

    package func unwatch(_ watch: CInt) { _ = inotify_rm_watch(fd.raw, watch) }

    /// Waits for events, at most `milliseconds`; none when the time is over or `interrupt` was called.
    package func events(waiting milliseconds: CInt) throws(SystemError) -> [Event] {
        var descriptors = [
            pollfd(fd: fd.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0),
        ]
        let ready = unsafe poll(&descriptors, 2, milliseconds)
        if ready <= 0 { return [] }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let size = buffer.count
        let filled = unsafe read(fd.raw, &buffer, size)
        if filled < 0 {
            let errno = Errno.current
            if errno == .again || errno == .interrupted { return [] }
            throw SystemError("read", "inotify", errno)
        }
        return Inotify.parse(buffer[..<filled])
    }

    /// struct inotify_event: wd i32, mask u32, cookie u32, len u32, name with NULs (inotify(7)).
    private static func parse(_ bytes: ArraySlice<UInt8>) -> [Event] {
        var events: [Event] = []
        var rest = bytes
        func word(_ index: Int) -> UInt32 {
            rest.dropFirst(index * 4).prefix(4).enumerated().reduce(0) { $0 | UInt32($1.element) << (8 * $1.offset) }
        }
        while rest.count >= 16 {
            let length = Int(word(3))
            guard rest.count >= 16 + length else { break }
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            events.append(Event(watch: CInt(bitPattern: word(0)), mask: word(1), name: Array(name)))
            rest = rest.dropFirst(16 + length)
        }
        return events
    }

    /// Lets a waiting `events` return, now and from then on.
    package func interrupt() {
        var one: UInt64 = 1
        _ = unsafe write(wake.raw, &one, 8)
    }
}
