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
    private let callbacks: [Histogram]
    private let latencies: [Summary]
    /// Bytes that reads were answered with; what the kernel reads by itself is not among them.
    let readBytes: Counter
    let openCount = Atomic(0)
    /// Opens and reads of files that were answered with an error.
    package let failedReads: Counter
    /// For each loop thread: when the request that it works on began, CLOCK_MONOTONIC; 0 while it waits for one.
    private let began = InlineArray<64, Atomic<UInt64>> { _ in Atomic(0) }

    package init(_ registry: MetricsRegistry) {
        failedReads = registry.counter(
            "musicfs_read_errors_total", help: "Opens and reads of files that were answered with an error.")
        counters = Operation.allCases.map {
            registry.counter("musicfs_fuse_ops_total", help: "Requests of the kernel.", labels: ["op": "\($0)"])
        }
        callbacks = Operation.allCases.map {
            registry.histogram(
                "musicfs_fuse_callback_seconds",
                help: "Time in the handler of a request, until it was answered or handed to an origin's lane.",
                labels: ["op": "\($0)"])
        }
        latencies = Operation.allCases.map {
            registry.summary(
                "musicfs_fuse_latency_seconds", help: "Time until a request was answered, over the last minutes.",
                labels: ["op": "\($0)"])
        }
        readBytes = registry.counter("musicfs_fuse_read_bytes_total", help: "Bytes that reads were answered with.")
    }

    /// A handler has returned.
    ///
    /// - Parameter isAnswered: false for a request that another thread answers.
    func record(_ operation: Operation, nanoseconds: UInt64, isAnswered: Bool) {
        counters[operation.rawValue].increment()
        callbacks[operation.rawValue].recordNanoseconds(nanoseconds)
        if isAnswered { latencies[operation.rawValue].recordNanoseconds(nanoseconds) }
    }

    /// A request was answered by another thread than the one that took it.
    func recordAnswer(_ operation: Operation, nanoseconds: UInt64) {
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
