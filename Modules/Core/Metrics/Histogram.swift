import Synchronization

/// How long something took, counted in fixed buckets from 100 µs to 1 s.
package final class Histogram: Sendable {
    /// The upper bounds, in nanoseconds, of all buckets but the last, which has none.
    package static let bounds: [UInt64] = [
        100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000, 1_000_000_000,
    ]

    /// One bucket for each bound and one for what is above them all.
    private let buckets = InlineArray<10, Atomic<UInt64>> { _ in Atomic(0) }
    /// Nanoseconds; wraps after 584 years of recorded time.
    private let sum = Atomic<UInt64>(0)

    package init() {}

    package func record(_ duration: Duration) { recordNanoseconds(duration.nanoseconds) }

    package func recordNanoseconds(_ nanoseconds: UInt64) {
        let index = Self.bounds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.count
        buckets[index].add(1, ordering: .relaxed)
        sum.add(nanoseconds, ordering: .relaxed)
    }

    package struct Snapshot: Hashable, Sendable {
        /// For each bound, and then for no bound, how many durations were at most that long.
        package var cumulative: [UInt64]
        package var sumNanoseconds: UInt64

        package var count: UInt64 { cumulative.last ?? 0 }
    }

    /// The counts at one moment. The count is made of the buckets, so that the two never disagree.
    package var snapshot: Snapshot {
        var total: UInt64 = 0
        var cumulative: [UInt64] = []
        for index in buckets.indices {
            total &+= buckets[index].load(ordering: .relaxed)
            cumulative.append(total)
        }
        return Snapshot(cumulative: cumulative, sumNanoseconds: sum.load(ordering: .relaxed))
    }
}
