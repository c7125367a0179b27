package import MusicFSCore
import MusicFSSystem
import Synchronization

/// What the file system counts.
package final class FileSystemStatistics: Sendable {
    package enum Operation: String, CaseIterable, Sendable {
        case lookup, getattr, open, read, readdir, release, other
    }

    private let counters: [Operation: Counter]
    private let latencies: [Operation: Histogram]
    let openCount = Atomic(0)
    /// For each loop thread: when the request that it works on began, CLOCK_MONOTONIC; 0 while it waits for one.
    let began = Mutex<[Int: UInt64]>([:])

    package init(_ registry: MetricsRegistry) {
        var counters: [Operation: Counter] = [:]
        var latencies: [Operation: Histogram] = [:]
        for operation in Operation.allCases {
            counters[operation] = registry.counter(
                "musicfs_fuse_ops_total", help: "Requests of the kernel.", labels: ["op": operation.rawValue])
            latencies[operation] = registry.histogram(
                "musicfs_fuse_latency_seconds", help: "Time to the answer, or to handing the request to a lane.",
                labels: ["op": operation.rawValue])
        }
        self.counters = counters
        self.latencies = latencies
    }

    func record(_ operation: Operation, nanoseconds: UInt64) {
        counters[operation]?.increment()
        latencies[operation]?.recordNanoseconds(nanoseconds)
    }

    package var operations: UInt64 { counters.values.reduce(0) { $0 + $1.value } }
    package var openFiles: Int { openCount.load(ordering: .relaxed) }

    /// How long the oldest request has been in its handler, in nanoseconds: what a hang shows in.
    package var oldestHandler: UInt64 {
        let now = monotonicNanoseconds()
        return began.withLock { $0.values.filter { $0 != 0 }.map { now &- $0 }.max() ?? 0 }
    }
}
