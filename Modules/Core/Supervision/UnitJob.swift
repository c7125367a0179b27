/// A job of systemd, as far as a service that is being stopped has to know it.
package enum UnitJob: String, Hashable, Sendable {
    case start, stop, restart

    /// Finds a unit's job in what `systemctl list-jobs --plain --no-legend` prints: its number, the unit, the type, the
    /// state. Nil where there is none, or another one.
    package init?(of unit: String, in text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: " ")
            if fields.count >= 3, fields[1] == unit, let job = UnitJob(rawValue: String(fields[2])) {
                self = job
                return
            }
        }
        return nil
    }

    /// Whether another process of the service follows, to which a mount that has been left can go.
    ///
    /// - Parameters:
    ///   - job: what systemd is doing with the unit; nil for nothing: the process has ended by itself.
    ///   - result: `SERVICE_RESULT` (systemd.exec(5)). With `Restart=on-failure` a process follows one that was killed. One
    ///     that ended with an exit code has unmounted by itself.
    package static func isFollowed(job: UnitJob?, result: String) -> Bool {
        switch job {
        case .restart: true
        case .stop: false
        case .start, nil: ["signal", "core-dump", "watchdog", "oom-kill", "timeout"].contains(result)
        }
    }
}
