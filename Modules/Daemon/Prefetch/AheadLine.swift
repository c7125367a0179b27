import MusicFSCore
import MusicFSOrigins

/// How much of an origin's line fetching ahead may take: half of its threads are left to readers, and of a bandwidth that
/// is limited no more than a quarter of a second is taken at once.
struct AheadLine: Hashable, Sendable {
    /// `origins.id`.
    var origin: Int64
    /// Pieces at a time.
    var pieces: Int
    /// The largest piece, bytes.
    var most: Int64

    /// - Parameter rate: bytes a second; 0 for no limit.
    init(origin: Int64, threads: Int, rate: Int64) {
        self.origin = origin
        pieces = max(1, threads / 2)
        most = rate > 0 ? max(rate / 4, 64 << 10) : .max
    }

    init(_ replica: ReplicaLocation) {
        self.init(origin: replica.origin.id, threads: replica.origin.lane.threads, rate: replica.bandwidth.rate)
    }
}
