import MusicFSSystem

/// The pace of what is done by the minute. A test build goes faster where `MUSICFS_TEST_HURRY=N` says how many times; a
/// release build has none of it.
package enum Pace {
    @inline(__always)
    package static func of(_ duration: Duration) -> Duration {
        #if DEBUG
            return duration / hurry
        #else
            return duration
        #endif
    }

    #if DEBUG
        private static let hurry = max(1, Int(ThisProcess.environment["MUSICFS_TEST_HURRY"] ?? "") ?? 1)
    #endif
}
