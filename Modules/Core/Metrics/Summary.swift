import Synchronization

/// How long something took, as quantiles of the last minutes: exact to an eighth of the value, from 1 µs to a minute.
package final class Summary: Sendable {
    package static let quantiles = [0.5, 0.95, 0.99]

    /// Eight buckets for each power of two of nanoseconds from 2^10 on; the last takes what is above 2^36.
    private static let bucketCount = 26 * 8 + 1
    /// How long a window is filled before the one before it is emptied and filled in its place.
    private static let windowNanoseconds: UInt64 = 300_000_000_000

    private typealias Window = InlineArray<209, Atomic<UInt64>>

    private let windows: InlineArray<2, Window> = InlineArray { _ in Window { _ in Atomic(0) } }
    /// The window that is filled.
    private let current = Atomic(0)
    private let turned: Mutex<UInt64>
    private let count = Atomic<UInt64>(0)
    /// Nanoseconds; wraps after 584 years of recorded time.
    private let sum = Atomic<UInt64>(0)
    private let clock: any MonotonicClock

    package init(clock: any MonotonicClock = SystemClock()) {
        self.clock = clock
        turned = Mutex(clock.now)
    }

    package func recordNanoseconds(_ nanoseconds: UInt64) {
        windows[current.load(ordering: .relaxed)][Self.bucket(nanoseconds)].add(1, ordering: .relaxed)
        count.add(1, ordering: .relaxed)
        sum.add(nanoseconds, ordering: .relaxed)
    }

    package struct Snapshot: Hashable, Sendable {
        /// In the order of `quantiles`, nanoseconds; nil when nothing was recorded lately.
        package var quantiles: [UInt64?]
        /// Of all time, like the sum.
        package var count: UInt64
        package var sumNanoseconds: UInt64
    }

    /// The quantiles are those of the last five to ten minutes, or since the snapshot before the last if that is longer.
    package var snapshot: Snapshot {
        turn()
        var counts = [UInt64](repeating: 0, count: Self.bucketCount)
        for index in counts.indices {
            counts[index] = windows[0][index].load(ordering: .relaxed) + windows[1][index].load(ordering: .relaxed)
        }
        let total = counts.reduce(0, +)
        return Snapshot(
            quantiles: Self.quantiles.map { total == 0 ? nil : Self.value(counts, rank: Double(total) * $0) },
            count: count.load(ordering: .relaxed), sumNanoseconds: sum.load(ordering: .relaxed))
    }

    /// Empties the older window and fills it from now on, when the younger has been filled for long enough. What others
    /// record meanwhile may be lost: it is one of thousands.
    private func turn() {
        turned.withLock { turned in
            let now = clock.now
            guard now &- turned >= Self.windowNanoseconds else { return }
            let older = 1 - current.load(ordering: .relaxed)
            for index in 0..<Self.bucketCount { windows[older][index].store(0, ordering: .relaxed) }
            current.store(older, ordering: .relaxed)
            turned = now
        }
    }

    private static func bucket(_ nanoseconds: UInt64) -> Int {
        guard nanoseconds >= 1 << 10 else { return 0 }
        let exponent = 63 - nanoseconds.leadingZeroBitCount
        guard exponent < 36 else { return bucketCount - 1 }
        let part = Int(nanoseconds >> UInt64(exponent - 3)) & 7
        return (exponent - 10) * 8 + part
    }

    /// The upper end of the bucket in which the value with this rank lies.
    private static func value(_ counts: [UInt64], rank: Double) -> UInt64 {
        var seen: UInt64 = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if count > 0, Double(seen) >= rank {
                return UInt64(9 + index % 8) << UInt64(7 + index / 8)
            }
        }
        return 1 << 36
    }
}
