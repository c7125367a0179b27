import MusicFSCore
import MusicFSSQLite

/// Which version goes when room is needed: S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO queues are all you need for
/// cache eviction", SOSP 2023).
///
/// What is queued are versions, not chunks: one track is heard as a whole, and a terabyte of them is thirty thousand
/// rows. A version is counted as used once for each open, so that a scanner, which opens every file once, fills the
/// small queue only and pushes out what other scanners left there.
extension ChunkIndex {
    private static let mostFrequency: Int64 = 3

    /// Evicts versions until at least `bytes` of files are free to go.
    ///
    /// - Parameter limit: the store's size, of which the small queue is to have a tenth.
    /// - Returns: all that could be had where that is less.
    func evict(_ bytes: Int64, limit: Int64) throws -> Freed {
        var freed = Freed()
        let before = totals.used
        // Each step takes a version out or moves it to the main queue or lowers its frequency: it ends.
        while before &- totals.used < bytes {
            let isSmallFull = totals.small >= max(limit / 10, 1)
            guard let victim = try oldest(isSmallFull ? .small : .main) ?? oldest(isSmallFull ? .main : .small) else {
                // Without a version there is nothing: whatever is counted is no more to be had.
                if totals.pinned == 0, totals.used > 0 { throw SQLiteError.badRow("meta", "used") }
                break
            }
            if victim.queue == .small, victim.frequency > 1 {
                try move(victim, to: .main, frequency: 0)
            } else if victim.queue == .main, victim.frequency > 0 {
                try move(victim, to: .main, frequency: victim.frequency - 1)
            } else {
                let used = totals.used
                freed += try remove(victim.key)
                totals.evicted &+= used &- totals.used
                if victim.queue == .small { try remember(victim.key) }
            }
        }
        return freed
    }

    private struct Victim {
        var id: Int64
        var key: ContentKey
        var queue: EvictionQueue
        var frequency: Int64
        var bytes: Int64
    }

    private func oldest(_ queue: EvictionQueue) throws -> Victim? {
        let statement = try database.prepare(
            "SELECT id, key, frequency FROM manifests WHERE queue = ? AND is_pinned = 0 ORDER BY rank LIMIT 1")
        statement.bind(1, queue.rawValue)
        guard try statement.step() else { return nil }
        let (id, key) = (statement.integer(0), try statement.contentKey(1))
        // One that is not found by its key could not be removed, and eviction would not end.
        guard let known = try manifest(key), known.id == id else { throw SQLiteError.badRow("manifests", "key") }
        // It is lowered step by step.
        let frequency = min(statement.integer(2), Self.mostFrequency)
        return Victim(id: id, key: key, queue: queue, frequency: frequency, bytes: known.bytes)
    }

    private func move(_ victim: Victim, to queue: EvictionQueue, frequency: Int64) throws {
        let statement = try database.prepare("UPDATE manifests SET queue = ?2, rank = ?3, frequency = ?4 WHERE id = ?1")
        statement.bind(1, victim.id)
        statement.bind(2, queue.rawValue)
        statement.bind(3, totals.takeRank())
        statement.bind(4, frequency)
        try statement.run()
        totals.count(-victim.bytes, in: victim.queue, isPinned: false)
        totals.count(victim.bytes, in: queue, isPinned: false)
    }

    /// The ghost queue: as many as there are versions, so that one that comes back is kept for longer.
    private func remember(_ key: ContentKey) throws {
        let statement = try database.prepare("INSERT OR REPLACE INTO ghosts VALUES(?, ?)")
        statement.bind(1, key.bytes)
        statement.bind(2, totals.takeRank())
        try statement.run()
        let count = try database.integer("SELECT count(*) FROM ghosts") ?? 0
        if count > max(totals.manifests, 1000) * 2 {
            try database.execute(
                "DELETE FROM ghosts WHERE key IN (SELECT key FROM ghosts ORDER BY rank LIMIT \(count / 2))")
        }
    }

    /// Counts opens.
    func noteAccesses(_ counts: [ContentKey: Int64]) throws {
        let statement = try database.prepare(
            "UPDATE manifests SET frequency = min(frequency + ?2, \(Self.mostFrequency)) WHERE key = ?1")
        for (key, count) in counts {
            statement.bind(1, key.bytes)
            statement.bind(2, count)
            try statement.run()
        }
    }

    func pins() throws -> Set<ContentKey> {
        let statement = try database.prepare("SELECT key FROM pins")
        var keys: Set<ContentKey> = []
        while try statement.step() { if let key = ContentKey(bytes: statement.bytes(0)) { keys.insert(key) } }
        return keys
    }

    /// Keeps versions from being evicted, those too that are not there yet; or lets them go again.
    func setPinned(_ keys: [ContentKey], _ isPinned: Bool) throws {
        let pin = try database.prepare(
            isPinned ? "INSERT OR IGNORE INTO pins VALUES(?)" : "DELETE FROM pins WHERE key = ?")
        let mark = try database.prepare("UPDATE manifests SET is_pinned = ?2 WHERE key = ?1")
        for key in keys {
            pin.bind(1, key.bytes)
            try pin.run()
            guard let known = try manifest(key), known.isPinned != isPinned else { continue }
            mark.bind(1, key.bytes)
            mark.bind(2, isPinned ? 1 : 0)
            try mark.run()
            totals.count(-known.bytes, in: known.queue, isPinned: known.isPinned)
            totals.count(known.bytes, in: known.queue, isPinned: isPinned)
        }
    }
}

extension Database {
    /// - Returns: whether the version was evicted from the small queue not long ago.
    func forgetGhost(_ key: ContentKey) throws(SQLiteError) -> Bool {
        let statement = try prepare("DELETE FROM ghosts WHERE key = ?")
        statement.bind(1, key.bytes)
        try statement.run()
        return changes > 0
    }
}
