import MusicFSCore

/// Instead of a line for each read while no origin answers: how many there were, now and then and at the end.
struct OfflineSummary: Sendable {
    struct Reads: Hashable, Sendable {
        /// Reads that the cache served, since the start.
        var cached: UInt64
        /// Reads that were answered with an error, since the start.
        var failed: UInt64

        func since(_ earlier: Reads) -> Reads {
            Reads(cached: cached &- earlier.cached, failed: failed &- earlier.failed)
        }
        var text: String { "\(cached) reads from the cache, \(failed) failed" }
    }

    private struct Period {
        var began: UInt64
        var atBegin: Reads
        var told: UInt64
        var atTold: Reads
    }

    private let interval: UInt64
    private var period: Period?

    init(interval: Duration) { self.interval = interval.nanoseconds }

    /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
    /// - Returns: a line for the log, when one is due.
    mutating func note(isOffline: Bool, _ reads: Reads, now: UInt64) -> String? {
        guard var period = self.period else {
            if isOffline { self.period = Period(began: now, atBegin: reads, told: now, atTold: reads) }
            return nil
        }
        let seconds = (now &- period.began) / 1_000_000_000
        guard isOffline else {
            self.period = nil
            return "no longer offline after \(seconds) s: \(reads.since(period.atBegin).text)"
        }
        guard now &- period.told >= interval else { return nil }
        let text = "still offline after \(seconds) s: \(reads.since(period.atTold).text)"
        (period.told, period.atTold) = (now, reads)
        self.period = period
        return text
    }
}
