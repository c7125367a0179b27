package import MusicFSCore
import MusicFSSystem
import Synchronization

/// What the file system counts.
package final class FileSystemStatistics: Sendable {
    package enum Operation: Int, CaseIterable, Sendable {
        case lookup, getattr, open, read, readdir, release, other
    }

    /// By the raw values of the operations: the hot path hashes nothing.
    private let counters: [Counter]
    private let latencies: [Histogram]
    let openCount = Atomic(0)
    /// For each loop thread: when the request that it works on began, CLOCK_MONOTONIC; 0 while it waits for one.
    private let began = InlineArray<64, Atomic<UInt64>> { _ in Atomic(0) }

    package init(_ registry: MetricsRegistry) {
        counters = Operation.allCases.map {
            registry.counter("musicfs_fuse_ops_total", help: "Requests of the kernel.", labels: ["op": "\($0)"])
        }
        latencies = Operation.allCases.map {
            registry.histogram(
                "musicfs_fuse_latency_seconds", help: "Time to the answer, or to handing the request to a lane.",
                labels: ["op": "\($0)"])
        }
    }

    func record(_ operation: Operation, nanoseconds: UInt64) {
        counters[operation.rawValue].increment()
        latencies[operation.rawValue].recordNanoseconds(nanoseconds)
    }

    /// The loop thread `thread` (below 64) begins a request, or is done with it.
    func mark(thread: Int, isBusy: Bool) {
        began[thread].store(isBusy ? monotonicNanoseconds() : 0, ordering: .relaxed)
    }

    package var operations: UInt64 { counters.reduce(0) { $0 + $1.value } }
    package var openFiles: Int { openCount.load(ordering: .relaxed) }

    /// How long the oldest request has been in its handler, in nanoseconds: what a hang shows in.
    package var oldestHandler: UInt64 {
        let now = monotonicNanoseconds()
        var oldest: UInt64 = 0
        for thread in began.indices {
            let start = began[thread].load(ordering: .relaxed)
            if start != 0, start < now { oldest = max(oldest, now - start) }
        }
        return oldest
    }
}
