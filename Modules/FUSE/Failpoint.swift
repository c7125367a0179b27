import MusicFSSystem

/// Files at which the server of a test build can be made to fail, by `MUSICFS_FAILPOINT=NAME:SIZE`; a release build has
/// none of it.
enum Failpoint: String {
    /// Reading a file of that size is a trap.
    case trap = "fuse-read-trap"
    /// Reading it never ends.
    case hang = "fuse-read-hang"

    static func pass(size: Int64) {
        #if DEBUG
            guard let (point, wanted) = named, wanted == size else { return }
            switch point {
            case .trap: fatalError("a failpoint")
            case .hang: while true { _ = pollReadable([], milliseconds: 60_000) }
            }
        #endif
    }

    #if DEBUG
        private static let named: (Failpoint, Int64)? = {
            let parts = (ThisProcess.environment["MUSICFS_FAILPOINT"] ?? "").split(separator: ":")
            guard parts.count == 2, let point = Failpoint(rawValue: String(parts[0])), let size = Int64(parts[1]) else {
                return nil
            }
            return (point, size)
        }()
    #endif
}
