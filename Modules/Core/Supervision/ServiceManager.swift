import CSystemd
package import MusicFSSystem

/// What systemd is told of this service (sd_notify(3)); nothing where it did not start this process.
package enum ServiceManager {
    package enum News: Hashable, Sendable {
        case ready, stopping, reloading
        /// A line for people.
        case status(String)
        /// A sign of life.
        case watchdog
    }

    package static func tell(_ news: News...) {
        let lines = news.map { news in
            switch news {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            case .reloading: "RELOADING=1"
            case .status(let text): "STATUS=\(text.filter { !$0.isNewline })"
            case .watchdog: "WATCHDOG=1"
            }
        }
        // What systemd cannot be told it finds out by itself.
        _ = unsafe sd_notify(0, lines.joined(separator: "\n"))
    }

    /// Whether it has handed descriptors to this process.
    package static var hasStored: Bool { sd_listen_fds(0) > 0 }

    /// Has the service manager keep duplicates of descriptors, to be handed to the next process of this service
    /// (`FDSTORE=1` of sd_notify(3)). Those of the same name that it has already stay; it lets go of one that breaks.
    ///
    /// - Parameter name: at most 255 characters of ASCII, without a colon.
    /// - Returns: whether it was told; what it has room for is not known (`FileDescriptorStoreMax=` of systemd.service(5)).
    package static func store(_ descriptors: [CInt], name: String) -> Bool {
        unsafe sd_pid_notify_with_fds(
            0, 0, "FDSTORE=1\nFDNAME=\(name)", descriptors, UInt32(descriptors.count)) > 0
    }

    /// Has the service manager let go of what is stored under a name.
    package static func forget(name: String) { _ = unsafe sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// The descriptors that the service manager has handed to this process, with their names. Only the first call gives
    /// them: they are taken out of the environment, for the processes that this one starts.
    package static func takeStored() -> [(descriptor: SharedFD, name: String)] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        defer {
            // Both the list and its strings are the caller's to free.
            if let names = unsafe names { unsafe freeStrings(names) }
        }
        guard count > 0 else { return [] }
        return (0..<Int(count)).map { index in
            let text = unsafe names?[index]
            let fd = SharedFD(OwnedFD(owning: CInt(SD_LISTEN_FDS_START) + CInt(index)))
            return (fd, unsafe text.map { unsafe String(cString: $0) } ?? "")
        }
    }

    /// How often a sign of life is due, in nanoseconds: half of what is allowed (sd_watchdog_enabled(3)). nil where none
    /// is wanted.
    package static var watchdogInterval: UInt64? {
        var microseconds: UInt64 = 0
        return unsafe sd_watchdog_enabled(0, &microseconds) > 0 ? microseconds * 500 : nil
    }
}
