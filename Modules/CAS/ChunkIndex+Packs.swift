import MusicFSCore
import MusicFSSQLite

/// What is not used any more, and is to be removed from the disk after the commit.
struct Freed {
    var packs: [PackID] = []
    /// In packs that stay.
    var chunks: [ChunkPlace] = []

    /// A pack that goes takes its chunks along.
    static func += (left: inout Freed, right: Freed) {
        left.packs += right.packs
        if !right.packs.isEmpty, !left.chunks.isEmpty { left.chunks.removeAll { right.packs.contains($0.pack) } }
        left.chunks += right.chunks.filter { !right.packs.contains($0.pack) }
    }
}

/// How many chunks of each pack are used, and what the packs' files take.
extension ChunkIndex {
    struct Pack {
        /// Bytes of its file.
        var size: Int64
        /// How many of its chunks are used.
        var chunks: Int64
    }

    func pack(_ id: PackID) throws -> Pack? {
        defer { findPack.reset() }
        findPack.bind(1, id.number)
        guard try findPack.step() else { return nil }
        return Pack(
            size: try findPack.integer(0, IndexBounds.sum, "packs.size"),
            chunks: try findPack.integer(1, IndexBounds.count, "packs.chunks"))
    }

    private func save(_ id: PackID, _ pack: Pack) throws {
        putPack.bind(1, id.number)
        putPack.bind(2, pack.size)
        putPack.bind(3, pack.chunks)
        try putPack.run()
    }

    /// Enters a pack whose file is there, of which no chunk is used yet.
    func enter(_ id: PackID, size: Int64) throws {
        guard try pack(id) == nil else { throw SQLiteError.badRow("packs", "id") }
        try save(id, Pack(size: size, chunks: 0))
        totals.used &+= size
    }

    /// Corrects the size of a pack's file.
    func resize(_ id: PackID, to size: Int64) throws {
        guard var pack = try pack(id), pack.size != size else { return }
        totals.used &+= size - pack.size
        pack.size = size
        try save(id, pack)
    }

    /// More or fewer chunks of packs are used.
    ///
    /// - Returns: the packs of which none is, which are forgotten.
    func settle(_ changes: [PackID: Int64]) throws -> [PackID] {
        var unused: [PackID] = []
        for (id, change) in changes {
            guard var pack = try pack(id), pack.chunks + change >= 0 else {
                throw SQLiteError.badRow("packs", "chunks")
            }
            pack.chunks += change
            if pack.chunks > 0 {
                try save(id, pack)
            } else {
                dropPack.bind(1, id.number)
                try dropPack.run()
                totals.used &-= pack.size
                unused.append(id)
            }
        }
        return unused
    }

    /// Chunks were forgotten: so are the packs that have no other.
    func free(_ chunks: [ChunkPlace]) throws -> Freed {
        let packs = Set(try settle(Dictionary(chunks.map { ($0.pack, -1) }, uniquingKeysWith: +)))
        return Freed(packs: Array(packs), chunks: chunks.filter { !packs.contains($0.pack) })
    }

    // MARK: Entries

    /// Whether an entry says something else of a chunk than the chunk's row.
    func isMisplaced(_ id: ChunkID, _ chunk: Chunk) throws -> Bool {
        let statement = try database.prepare(
            """
            SELECT 1 FROM entries
            WHERE chunk = ?1 AND (pack IS NOT ?2 OR position IS NOT ?3 OR length IS NOT ?4) LIMIT 1
            """)
        statement.bind(1, id.bytes)
        statement.bind(2, chunk.place.pack.number)
        statement.bind(3, chunk.place.position)
        statement.bind(4, Int64(chunk.length))
        return try statement.step()
    }

    /// How many entries say something else of their chunk than the chunk's row.
    ///
    /// - Parameters:
    ///   - part: of 256: the chunks whose names begin with this byte.
    ///   - corrects: gives them what the chunk's row says.
    func misplaced(part: UInt8, corrects: Bool) throws -> Int {
        let digits = String(part, radix: 16)
        let byte = part < 16 ? "0" + digits : digits
        let found = """
            chunks.id >= x'\(byte)' AND chunks.id <= x'\(byte)\(String(repeating: "f", count: 32))'
            AND entries.chunk = chunks.id AND (chunks.pack IS NOT entries.pack
            OR chunks.position IS NOT entries.position OR chunks.length IS NOT entries.length)
            """
        let count = try database.integer("SELECT count(*) FROM chunks CROSS JOIN entries ON \(found)") ?? 0
        guard corrects, count > 0 else { return Int(count) }
        try database.execute(
            """
            UPDATE entries SET pack = chunks.pack, position = chunks.position, length = chunks.length
            FROM chunks WHERE \(found)
            """)
        return Int(count)
    }
}
