import MusicFSSystem

/// Places where a test build can be made to die, by `MUSICFS_FAILPOINT`; a release build has none of it.
enum Failpoint: String {
    case beforeWrite = "cas-put-before-write"
    case afterWrite = "cas-put-after-write-before-index"
    case afterSync = "cas-put-after-sync"
    case inManifest = "cas-manifest-middle"

    /// Kills this process where the environment names this place.
    @inline(__always) func pass() {
        #if DEBUG
            if Failpoint.named == rawValue { ThisProcess.send(Signal.kill) }
        #endif
    }

    #if DEBUG
        private static let named = ThisProcess.environment["MUSICFS_FAILPOINT"]
    #endif
}
