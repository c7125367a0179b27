import CSystemd

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

    /// How often a sign of life is due, in nanoseconds: half of what is allowed (sd_watchdog_enabled(3)). nil where none
    /// is wanted.
    package static var watchdogInterval: UInt64? {
        var microseconds: UInt64 = 0
        return unsafe sd_watchdog_enabled(0, &microseconds) > 0 ? microseconds * 500 : nil
    }
}
