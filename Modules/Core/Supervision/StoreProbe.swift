import MusicFSSystem

/// Trying again what a disk refused.
package enum StoreProbe {
    /// How long a store whose disk gave errors is left alone: a minute. Builds for tests take milliseconds from
    /// `MUSICFS_PROBE_INTERVAL`.
    package static let interval: Duration = {
        #if DEBUG
            if let text = ThisProcess.environment["MUSICFS_PROBE_INTERVAL"], let number = Int64(text), number > 0 {
                return .milliseconds(number)
            }
        #endif
        return .seconds(60)
    }()
}
