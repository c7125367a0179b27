import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// cas.db as its one writer sees it. Every change belongs in a `transaction`.
final class ChunkIndex {
    let database: Database
    /// Whether there was no index, so that it is to be made from the packs.
    let isNew: Bool
    var totals: IndexTotals
    private var saved: IndexTotals
    private let findChunk: Statement
    private let putChunk: Statement
    private let dropChunk: Statement
    private let usersOfChunk: Statement
    let findPack: Statement
    let putPack: Statement
    let dropPack: Statement
    private let findManifest: Statement
    private let putManifest: Statement
    private let growManifest: Statement
    private let dropManifest: Statement
    private let putEntry: Statement
    private let dropEntry: Statement
    private let entries: Statement
    private let findEntry: Statement

    init(_ path: FilePath) throws {
        (database, isNew) = try IndexSchema.open(path)
        totals = try IndexTotals.load(database)
        saved = totals
        findChunk = try database.prepare("SELECT length, uses, pack, position FROM chunks WHERE id = ?")
        putChunk = try database.prepare("INSERT OR REPLACE INTO chunks VALUES(?, ?, ?, ?, ?)")
        dropChunk = try database.prepare("DELETE FROM chunks WHERE id = ?")
        usersOfChunk = try database.prepare("SELECT manifest, offset, length FROM entries WHERE chunk = ?")
        findPack = try database.prepare("SELECT size, chunks FROM packs WHERE id = ?")
        putPack = try database.prepare("INSERT OR REPLACE INTO packs VALUES(?, ?, ?)")
        dropPack = try database.prepare("DELETE FROM packs WHERE id = ?")
        findManifest = try database.prepare("SELECT id, queue, is_pinned, bytes FROM manifests WHERE key = ?")
        putManifest = try database.prepare(
            """
            INSERT INTO manifests(key, size, payload_start, payload_end, origin, queue, rank, frequency, is_pinned, bytes)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, EXISTS (SELECT 1 FROM pins WHERE key = ?1), 0)
            """)
        growManifest = try database.prepare("UPDATE manifests SET bytes = bytes + ?2 WHERE id = ?1")
        dropManifest = try database.prepare("DELETE FROM manifests WHERE id = ?")
        putEntry = try database.prepare("INSERT OR IGNORE INTO entries VALUES(?, ?, ?, ?, ?, ?)")
        dropEntry = try database.prepare("DELETE FROM entries WHERE manifest = ? AND offset = ?")
        entries = try database.prepare(
            "SELECT offset, length, chunk, pack, position FROM entries WHERE manifest = ? ORDER BY offset")
        findEntry = try database.prepare("SELECT chunk FROM entries WHERE manifest = ? AND offset = ?")
    }

    func transaction<R>(_ body: () throws -> R) throws -> R {
        let before = totals
        do {
            let result = try database.transaction { () throws -> R in
                let result = try body()
                guard totals.isPlausible else { throw SQLiteError.badRow("meta", "totals") }
                try totals.save(database, unless: saved)
                return result
            }
            saved = totals
            return result
        } catch {
            totals = before
            throw error
        }
    }

    // MARK: Chunks

    struct Chunk {
        var length: Int
        /// How many entries name it.
        var uses: Int64
        var place: ChunkPlace
    }

    func chunk(_ id: ChunkID) throws -> Chunk? {
        defer { findChunk.reset() }
        findChunk.bind(1, id.bytes)
        guard try findChunk.step() else { return nil }
        return Chunk(
            length: Int(try findChunk.integer(0, IndexBounds.length, "chunks.length")),
            uses: try findChunk.integer(1, IndexBounds.count, "chunks.uses"), place: try findChunk.place(2))
    }

    private func save(_ id: ChunkID, _ chunk: Chunk, replacing old: Chunk?) throws {
        putChunk.bind(1, id.bytes)
        putChunk.bind(2, Int64(chunk.length))
        putChunk.bind(3, chunk.uses)
        putChunk.bind(4, chunk.place.pack.number)
        putChunk.bind(5, chunk.place.position)
        try putChunk.run()
        totals.uses &+= chunk.uses - (old?.uses ?? 0)
        totals.usedBytes &+= (chunk.uses - (old?.uses ?? 0)) * Int64(chunk.length)
        if old == nil {
            totals.chunks &+= 1
            totals.uniqueBytes &+= Int64(chunk.length)
        }
    }

    private func forget(_ id: ChunkID, _ chunk: Chunk) throws {
        dropChunk.bind(1, id.bytes)
        try dropChunk.run()
        totals.uses &-= chunk.uses
        totals.usedBytes &-= chunk.uses * Int64(chunk.length)
        totals.chunks &-= 1
        totals.uniqueBytes &-= Int64(chunk.length)
    }

    // MARK: Manifests

    /// The number of a version's manifest, which is made if there is none.
    private func ensureManifest(_ info: VersionInfo) throws -> Int64 {
        if let known = try manifest(info.key) { return known.id }
        let wasEvicted = try database.forgetGhost(info.key)
        putManifest.bind(1, info.key.bytes)
        putManifest.bind(2, info.size)
        putManifest.bind(3, info.payload?.lowerBound)
        putManifest.bind(4, info.payload?.upperBound)
        putManifest.bind(5, info.origin)
        putManifest.bind(6, wasEvicted ? EvictionQueue.main.rawValue : EvictionQueue.small.rawValue)
        putManifest.bind(7, totals.takeRank())
        try putManifest.run()
        totals.manifests &+= 1
        guard let made = try manifest(info.key) else {
            throw SQLiteError(extendedCode: 11, message: "a row that was written is not there", context: "manifests")
        }
        return made.id
    }

    func manifest(_ key: ContentKey) throws -> (id: Int64, queue: EvictionQueue, isPinned: Bool, bytes: Int64)? {
        defer { findManifest.reset() }
        findManifest.bind(1, key.bytes)
        guard try findManifest.step() else { return nil }
        guard let queue = EvictionQueue(rawValue: findManifest.integer(1)) else {
            throw SQLiteError.badRow("manifests", "queue")
        }
        return (
            findManifest.integer(0), queue, findManifest.integer(2) != 0,
            try findManifest.integer(3, IndexBounds.sum, "manifests.bytes")
        )
    }

    func entries(ofManifest id: Int64) throws -> [Manifest.Entry] {
        defer { entries.reset() }
        entries.bind(1, id)
        var result: [Manifest.Entry] = []
        while try entries.step() {
            result.append(try entries.entry())
        }
        return result
    }

    /// The chunk that a version has at an offset; nil where none begins there.
    func chunk(of key: ContentKey, at offset: Int64) throws -> ChunkID? {
        guard let manifest = try manifest(key) else { return nil }
        defer { findEntry.reset() }
        findEntry.bind(1, manifest.id)
        findEntry.bind(2, offset)
        return try findEntry.step() ? findEntry.chunkID(0) : nil
    }

    /// Notes that a version has chunks, which lie in packs that are entered, or are known already.
    ///
    /// - Returns: those of which the version has another chunk in their place, and that nobody else uses: they are not
    ///   entered.
    func add(_ chunks: [Manifest.Entry], to info: VersionInfo) throws -> [ChunkPlace] {
        let manifest = try ensureManifest(info)
        var unused: [ChunkPlace] = []
        var growth: Int64 = 0
        var news: [PackID: Int64] = [:]
        for var entry in chunks {
            let old = try chunk(entry.id)
            if let old { entry.place = old.place }
            let isNewEntry = try put(entry, manifest)
            var chunk = old ?? Chunk(length: entry.length, uses: 0, place: entry.place)
            if isNewEntry {
                chunk.uses += 1
                growth += Int64(entry.length)
                try save(entry.id, chunk, replacing: old)
                if old == nil { news[entry.place.pack, default: 0] += 1 }
            } else if old == nil {
                unused.append(entry.place)
            }
            Failpoint.inManifest.pass()
        }
        _ = try settle(news)
        if growth > 0 { try grow(manifest, info.key, by: growth) }
        return unused
    }

    /// - Returns: false where the version has a chunk there.
    private func put(_ entry: Manifest.Entry, _ manifest: Int64) throws -> Bool {
        putEntry.bind(1, manifest)
        putEntry.bind(2, entry.offset)
        putEntry.bind(3, Int64(entry.length))
        putEntry.bind(4, entry.id.bytes)
        putEntry.bind(5, entry.place.pack.number)
        putEntry.bind(6, entry.place.position)
        try putEntry.run()
        return database.changes > 0
    }

    private func grow(_ manifest: Int64, _ key: ContentKey, by bytes: Int64) throws {
        growManifest.bind(1, manifest)
        growManifest.bind(2, bytes)
        try growManifest.run()
        guard let now = try self.manifest(key) else { return }
        totals.count(bytes, in: now.queue, isPinned: now.isPinned)
    }

    /// Forgets a version.
    func remove(_ key: ContentKey) throws -> Freed {
        guard let manifest = try manifest(key) else { return Freed() }
        var unused: [ChunkPlace] = []
        for entry in try entries(ofManifest: manifest.id) {
            try drop(manifest.id, entry.offset)
            guard let old = try chunk(entry.id) else { continue }
            var chunk = old
            chunk.uses -= 1
            if chunk.uses > 0 {
                try save(entry.id, chunk, replacing: old)
            } else {
                try forget(entry.id, old)
                unused.append(old.place)
            }
        }
        dropManifest.bind(1, manifest.id)
        try dropManifest.run()
        totals.manifests &-= 1
        totals.count(-manifest.bytes, in: manifest.queue, isPinned: manifest.isPinned)
        return try free(unused)
    }

    /// Forgets a chunk that is missing or has the wrong bytes, wherever it is used.
    func remove(_ id: ChunkID) throws -> Freed {
        guard let chunk = try chunk(id) else { return Freed() }
        var users: [(manifest: Int64, offset: Int64, length: Int64)] = []
        defer { usersOfChunk.reset() }
        usersOfChunk.bind(1, id.bytes)
        while try usersOfChunk.step() {
            users.append(
                (
                    usersOfChunk.integer(0), usersOfChunk.integer(1),
                    try usersOfChunk.integer(2, IndexBounds.length, "entries.length")
                ))
        }
        for user in users {
            try drop(user.manifest, user.offset)
            if let key = try key(ofManifest: user.manifest) { try grow(user.manifest, key, by: -user.length) }
        }
        try forget(id, chunk)
        return try free([chunk.place])
    }

    private func drop(_ manifest: Int64, _ offset: Int64) throws {
        dropEntry.bind(1, manifest)
        dropEntry.bind(2, offset)
        try dropEntry.run()
        // One that stayed would be taken for a part of the next version that has the number.
        guard database.changes == 1 else { throw SQLiteError.badRow("entries", "offset") }
    }

    private func key(ofManifest id: Int64) throws -> ContentKey? {
        let statement = try database.prepare("SELECT key FROM manifests WHERE id = ?")
        statement.bind(1, id)
        return try statement.step() ? statement.contentKey(0) : nil
    }
}
