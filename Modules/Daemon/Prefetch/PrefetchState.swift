import MusicFSCAS
import MusicFSOrigins
import MusicFSSystem

/// What the prefetcher knows: what is held open, what waits, and what is being fetched.
struct PrefetchState: Sendable {
    struct Open: Sendable {
        var node: Int64
        /// When it has been held long enough to be taken for played; nil once that was noticed.
        var due: UInt64?
        /// When it has been held so long that it was played.
        var played: UInt64
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

    private static let most = 4096

    mutating func open(_ handle: UInt64, _ open: Open) {
        if opens.count < Self.most { opens[handle] = open }
    }

    /// Whoever closes a file before it was played or read skips it, and does not want what was predicted from it.
    ///
    /// - Returns: whether that changed anything.
    mutating func release(_ handle: UInt64, at time: UInt64, wasRead: Bool) -> Bool {
        guard let open = opens.removeValue(forKey: handle) else { return false }
        let count = queue.entries.count + running.count
        let isNews = wasRead && open.due != nil && readThrough.count < Self.most
        if isNews { readThrough.append(ReadThrough(handle: handle, node: open.node)) }
        if !wasRead, time < open.played { forget { $0 != handle } } else { dropUnwanted() }
        return isNews || queue.entries.count + running.count != count
    }

    /// Enters what was predicted.
    ///
    /// - Parameter forgetsClosed: whether what was predicted from files that nobody has open any more is forgotten,
    ///   unless it is predicted again.
    /// - Returns: for how many there was no room.
    mutating func enter(_ entries: [PrefetchQueue.Entry], forgetsClosed: Bool) -> Int {
        for entry in entries { running[entry.node]?.entry.join(entry) }
        if forgetsClosed {
            let opens = opens
            forget { opens[$0] != nil }
        }
        var refused = 0
        for entry in entries where running[entry.node] == nil {
            if !queue.add(entry) { refused += 1 }
        }
        return refused
    }

    private mutating func forget(except isWanted: (UInt64) -> Bool) {
        queue.forget(except: isWanted)
        for node in running.keys { running[node]?.entry.forget(except: isWanted) }
        dropUnwanted()
    }

    /// Gives up what nothing wants any more, unless half of it is fetched or somebody has it open. What awaits an answer
    /// stays until that has come.
    mutating func dropUnwanted() {
        let unwanted = running.filter { node, running in
            !running.isBusy && running.entry.causes.isEmpty && running.offset < running.size - running.offset
                && !opens.values.contains { $0.node == node }
        }
        for node in unwanted.keys { running[node] = nil }
    }

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
