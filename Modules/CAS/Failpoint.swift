import MusicFSSystem

/// Places where a test build can be made to die, by `MUSICFS_FAILPOINT`; a release build has none of it.
enum Failpoint: String {
    case beforeWrite = "cas-put-before-write"
    case afterWrite = "cas-put-after-write-before-index"
    case afterSync = "cas-put-after-sync"
    case inManifest = "cas-manifest-middle"
    case inScrub = "cas-scrub"

    /// Kills this process where the environment names this place, or has this thread crash.
    @inline(__always) func pass(crashes: Bool = false) {
        #if DEBUG
            guard Failpoint.named == rawValue else { return }
            if crashes { fatalError(rawValue) }
            ThisProcess.send(Signal.kill)
        #endif
    }

    #if DEBUG
        private static let named = ThisProcess.environment["MUSICFS_FAILPOINT"]
    #endif
}
