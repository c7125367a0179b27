import MusicFSSQLite

/// Which of the two queues of S3-FIFO a version waits in.
enum EvictionQueue: Int64 { case small = 0, main = 1 }

/// Sums over cas.db, kept with every change so that nothing is counted at the start.
struct IndexTotals: Hashable, Sendable {
    /// Bytes of all packs, trailers included: what the limit is about.
    var used: Int64 = 0
    var chunks: Int64 = 0
    /// Entries of manifests, and their bytes: what there would be without sharing.
    var uses: Int64 = 0
    var usedBytes: Int64 = 0
    /// Bytes of all chunks, each counted once.
    var uniqueBytes: Int64 = 0
    var manifests: Int64 = 0
    /// Bytes of the versions in each queue.
    var small: Int64 = 0
    var main: Int64 = 0
    var pinned: Int64 = 0
    var evicted: Int64 = 0
    private var nextRank: Int64 = 1
    private var nextPack: Int64 = 1

    private static let keys: [(String, any WritableKeyPath<IndexTotals, Int64> & Sendable)] = [
        ("used", \.used), ("chunks", \.chunks), ("uses", \.uses), ("used_bytes", \.usedBytes),
        ("unique_bytes", \.uniqueBytes), ("manifests", \.manifests), ("small", \.small), ("main", \.main),
        ("pinned", \.pinned), ("evicted", \.evicted), ("next_rank", \.nextRank), ("next_pack", \.nextPack),
    ]

    mutating func takeRank() -> Int64 {
        defer { nextRank &+= 1 }
        return nextRank
    }

    /// A number that no pack has, nor ever had as far as is known.
    mutating func takePack() -> PackID {
        defer { nextPack &+= 1 }
        return PackID(nextPack)
    }

    /// There is a pack of this number. One that is far above all that were ever given does not count.
    mutating func note(_ pack: PackID) {
        if pack.number < IndexBounds.nextPack.upperBound { nextPack = max(nextPack, pack.number &+ 1) }
    }

    mutating func count(_ bytes: Int64, in queue: EvictionQueue, isPinned: Bool) {
        if isPinned {
            pinned &+= bytes
        } else if queue == .small {
            small &+= bytes
        } else {
            main &+= bytes
        }
    }

    /// Whether these can be sums of what there is. They are worked out with wrapping arithmetic, and looked at before they
    /// are kept.
    var isPlausible: Bool { Self.keys.allSatisfy { IndexBounds.sum.contains(self[keyPath: $0.1]) } }

    /// - Throws: an error that means damage when they cannot be right.
    static func load(_ database: Database) throws(SQLiteError) -> IndexTotals {
        var totals = IndexTotals()
        let statement = try database.prepare("SELECT value FROM meta WHERE key = ?")
        for (key, path) in keys {
            statement.bind(1, key)
            if try statement.step() { totals[keyPath: path] = statement.integer(0) }
            statement.reset()
        }
        guard totals.isPlausible, IndexBounds.nextPack.contains(totals.nextPack) else {
            throw .badRow("meta", "totals")
        }
        return totals
    }

    func save(_ database: Database, unless saved: IndexTotals) throws(SQLiteError) {
        let statement = try database.prepare("INSERT OR REPLACE INTO meta VALUES(?, ?)")
        for (key, path) in IndexTotals.keys where saved[keyPath: path] != self[keyPath: path] {
            statement.bind(1, key)
            statement.bind(2, self[keyPath: path])
            try statement.run()
        }
    }
}
