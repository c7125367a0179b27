import MusicFSSystem
import Synchronization

/// Places where a test build can be made to fail, by `MUSICFS_FAILPOINT`; a release build has none of it.
enum Failpoint: String {
    /// The first thing that a watcher hears is lost, and the watcher with it.
    case watchThrows = "sync-watch-throw"

    struct Failure: Error, CustomStringConvertible {
        var description: String { "a failpoint" }
    }

    @inline(__always)
    func pass() throws {
        #if DEBUG
            if Failpoint.named == rawValue, !Failpoint.hasFailed.exchange(true, ordering: .relaxed) { throw Failure() }
        #endif
    }

    #if DEBUG
        private static let named = ThisProcess.environment["MUSICFS_FAILPOINT"]
        private static let hasFailed = Atomic(false)
    #endif
}
