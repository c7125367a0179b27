import MusicFSCore
import MusicFSSystem
import Synchronization

/// Holds an origin's reads to so many bytes a second: a bucket that holds one second's worth.
package final class BandwidthLimit: Sendable {
    /// Bytes a second; 0 for no limit.
    package let rate: Int64
    /// When the bucket is full again (nanoseconds of CLOCK_MONOTONIC): each read moves it into the future.
    private let full = Mutex<UInt64>(0)

    package init(rate: Int64) { self.rate = max(0, rate) }

    /// How long a read of so many bytes has to wait, in nanoseconds; it counts as done.
    ///
    /// Even one that is larger than the bucket goes through, and those after it wait for it.
    package func reserve(_ count: Int, now: UInt64) -> UInt64 {
        guard rate > 0, count > 0 else { return 0 }
        let cost = UInt64(Double(count) / Double(rate) * 1e9)
        return full.withLock { full in
            let begin = max(full, now)
            full = begin &+ cost
            let second: UInt64 = 1_000_000_000
            return begin > now &+ second ? begin - now - second : 0
        }
    }

    /// Waits on the calling thread, which must be one of the origin's lane.
    ///
    /// - Throws: `.transient` when the turn would come only after `deadline`.
    package func wait(_ count: Int, deadline: UInt64) throws(OriginError) {
        let now = monotonicNanoseconds()
        let delay = reserve(count, now: now)
        if delay == 0 { return }
        if now &+ delay > deadline { throw OriginError(.transient, "the bandwidth limit leaves no room in time") }
        _ = pollReadable([], milliseconds: CInt(clamping: delay / 1_000_000))
    }
}
