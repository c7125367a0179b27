import CLinux

/// Tells when the mount table changes (proc(5): /proc/self/mountinfo becomes exceptional).
package final class MountWatch: Sendable {
    private let table: SharedFD
    private let wake: WakeUp

    package init() throws(SystemError) {
        table = SharedFD(try open("/proc/self/mountinfo", .read))
        wake = try WakeUp()
    }

    /// - Returns: whether something was mounted or unmounted within the time.
    package func wait(milliseconds: CInt) throws(SystemError) -> Bool {
        var descriptors = [
            pollfd(fd: table.raw, events: Int16(POLLPRI), revents: 0),
            pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0),
        ]
        let ready = unsafe poll(&descriptors, 2, milliseconds)
        return ready > 0 && descriptors[0].revents != 0
    }

    package func interrupt() { wake.raise() }
}

extension ThisProcess {
    /// Sends this process a signal.
    package static func send(_ signal: CInt) { _ = kill(getpid(), signal) }

    package static var cores: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

    /// Anonymous and file-backed memory that is resident, in bytes (proc(5), statm).
    package static var residentBytes: Int64 {
        guard let text = try? readFile("/proc/self/statm", limit: 256) else { return 0 }
        let pages = String(decoding: text, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int64($0) }
        return (pages ?? 0) * Int64(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// How many descriptors this process has open. Needs none itself on a kernel (6.2 and later) that keeps count.
    package static var openDescriptors: Int {
        if let count = try? FileStatus.of("/proc/self/fd").size, count > 0 { return Int(clamping: count) }
        guard let directory = try? open("/proc/self/fd", [.read, .directory]),
            let entries = try? listDirectory(directory.raw)
        else { return 0 }
        return entries.count - 1
    }
}
