import MusicFSCAS
import MusicFSOrigins
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
        /// Where it is fetched from.
        var source: FederatedSource?
        /// The origin that the piece under way was asked of.
        var origin: Int64?
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

    /// What can go on, the most urgent first: a piece of each counts as under way from now on.
    ///
    /// - Parameter lines: what each may take of the origin that it would be fetched from, by node; without one there is
    ///   no limit.
    mutating func takeReady(_ now: UInt64, _ lines: [Int64: AheadLine]) -> [Int64] {
        var underWay: [Int64: Int] = [:]
        for case let origin? in running.values.map(\.origin) { underWay[origin, default: 0] += 1 }
        var ready = running.values.filter { !$0.isBusy && $0.nextTry <= now }.map(\.entry)
        ready.sort { ($1.priority, $0.node) < ($0.priority, $1.node) }
        var taken: [Int64] = []
        for node in ready.map(\.node) {
            if let line = lines[node] {
                guard underWay[line.origin, default: 0] < line.pieces else { continue }
                underWay[line.origin, default: 0] += 1
            }
            running[node]?.isBusy = true
            running[node]?.origin = lines[node]?.origin
            taken.append(node)
        }
        return taken
    }

    /// When one that waits for its time can go on.
    func nextTry(after now: UInt64) -> UInt64? {
        running.values.filter { !$0.isBusy && $0.nextTry > now }.map(\.nextTry).min()
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
