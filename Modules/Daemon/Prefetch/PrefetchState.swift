import MusicFSCAS
import MusicFSSystem

/// What the prefetcher knows: what is held open, what waits, and what is being fetched.
struct PrefetchState: Sendable {
    struct Open: Sendable {
        var node: Int64
        /// When it has been held long enough to be taken for played; nil once that was noticed.
        var due: UInt64?
    }

    struct ReadThrough: Sendable {
        /// That it had.
        var handle: UInt64
        var node: Int64
    }

    struct Running: Sendable {
        var entry: PrefetchQueue.Entry
        var file: AheadFile?
        var size: Int64 = 0
        var offset: Int64 = 0
        var fetched: Int64 = 0
        /// Whether an answer is awaited.
        var isBusy = true
        /// How often in a row there was no room.
        var refusals = 0
        var nextTry: UInt64 = 0
    }

    var queue = PrefetchQueue()
    /// What is held open, by handle.
    var opens: [UInt64: Open] = [:]
    /// What was read and closed before that.
    var readThrough: [ReadThrough] = []
    /// By node.
    var running: [Int64: Running] = [:]
    /// What was fetched and not opened since, the oldest first.
    var unused: [Int64] = []
    /// Why nothing is fetched at the moment.
    var obstacle: String?
    var isWoken = false

    /// The most urgent entry, which takes one of `limit` places; nil where all are taken, or nothing waits.
    fileprivate mutating func takeNext(limit: Int) -> PrefetchQueue.Entry? {
        guard running.count < limit, let entry = queue.takeNext() else { return nil }
        running[entry.node] = Running(entry: entry)
        return entry
    }
}

extension Condition where State == PrefetchState {
    /// Has `body` begin what waits, as far as there are places, the lock not held. What it fails to begin gives its
    /// place back.
    func beginNext<E: Error>(limit: Int, _ body: (PrefetchQueue.Entry) throws(E) -> Void) throws(E) {
        while let entry = withLock({ $0.takeNext(limit: limit) }) {
            do throws(E) { try body(entry) } catch {
                withLock { $0.running[entry.node] = nil }
                throw error
            }
        }
    }
}
