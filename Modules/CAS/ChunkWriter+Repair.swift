import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

/// What a look through the store found, or put right.
package struct StoreReport: Hashable, Sendable, Codable {
    package var chunks = 0
    package var bytes: Int64 = 0
    /// Wrong bytes, or no pack.
    package var damaged = 0
    /// Named by the index, and not there.
    package var missing = 0
    /// There, and not named by the index.
    package var orphans = 0
    /// Files left by a write that was interrupted.
    package var strays = 0
    /// Chunks, packs, and folders of them, that could not be read, which says nothing about them.
    package var unreadable = 0

    package var isClean: Bool { damaged + missing + orphans + strays + unreadable == 0 }

    package init() {}
}

/// Chunks that could not be read when all were looked at. What could be read was dealt with.
package struct ChunksUnreadable: Error, Hashable, Sendable, CustomStringConvertible {
    package let count: Int
    /// The last one's.
    package let error: SystemError

    package var description: String {
        "\(count) chunks, packs, or folders of packs, of the cache cannot be read and are left as they are (\(error)): "
            + "see to their permissions or their disk, and try again"
    }
}

/// What could not be read on the way.
struct Unreadable {
    var count = 0
    var last: SystemError?

    mutating func note(_ error: SystemError) { (count, last) = (count + 1, error) }

    var error: ChunksUnreadable? { last.map { ChunksUnreadable(count: count, error: $0) } }
}

/// A look through the store that is under way.
private struct StoreLook {
    let repairs: Bool
    var report = StoreReport()
    var unreadable = Unreadable() { didSet { report.unreadable = unreadable.count } }
    /// Packs that the index names chunks of that they do not have.
    var damaged: Set<PackID> = []
    /// When it was last told how far this is, CLOCK_MONOTONIC.
    private var told: UInt64 = 0

    init(repairs: Bool) { self.repairs = repairs }

    /// Tells how far this is, ten times a second.
    ///
    /// - Throws: Cancelled where it is not to go on.
    mutating func tell(_ goOn: (StoreReport) -> Bool) throws {
        let now = monotonicNanoseconds()
        if now &- told < 100_000_000 { return }
        told = now
        if !goOn(report) { throw ChunkWriter.Cancelled() }
    }
}

/// The look through the store.
extension ChunkWriter {
    /// Reads every chunk and compares the index with the packs.
    ///
    /// - Parameter repairs: deletes what is bad, enters what the index does not name, and forgets what is not there.
    /// - Throws: ChunksUnreadable at the end, when all else is done.
    func check(repairs: Bool, _ goOn: (StoreReport) -> Bool) throws -> StoreReport {
        var look = StoreLook(repairs: repairs)
        try store.files.forEach(
            pack: { pack in
                try check(pack, &look)
                try look.tell(goOn)
            },
            stray: { path in
                look.report.strays += 1
                if repairs { try unlink(path) }
            },
            unreadable: { look.unreadable.note($0) })
        try checkIndex(&look, goOn)
        for part in UInt8.min...UInt8.max {
            look.report.damaged += try index.transaction { try index.misplaced(part: part, corrects: repairs) }
            try look.tell(goOn)
        }
        if repairs {
            discard(Freed(packs: try index.transaction { try index.countAnew() }))
            try keepLimit()
        }
        if let error = look.unreadable.error {
            store.note(error)
            throw error
        }
        return look.report
    }

    private func check(_ pack: PackID, _ look: inout StoreLook) throws {
        let contents: PackContents
        switch self.contents(of: pack) {
        case .success(let found): contents = found
        case .failure(.bad):
            // What the index names of it is dealt with by `checkIndex`.
            look.damaged.insert(pack)
            if try index.pack(pack) == nil {
                look.report.damaged += 1
                if look.repairs { store.files.remove(pack) }
            }
            return
        case .failure(.system(let errno)):
            return look.unreadable.note(SystemError("read", store.files.root, errno))
        }
        if let known = try index.pack(pack) {
            // A writer that was killed between the pack and the index has left more trailers.
            if known.size != contents.size {
                look.report.orphans += 1
                if look.repairs { try index.transaction { try index.resize(pack, to: contents.size) } }
            }
        } else if look.repairs {
            look.report.orphans += contents.chunks.count
            discard(try index.transaction { try enter(contents, as: pack) })
            if try index.pack(pack) == nil { return look.report.chunks += contents.chunks.count }
        }
        var named: Int64 = 0
        for chunk in contents.chunks where try check(chunk, size: contents.size, &look) { named += 1 }
        if let known = try index.pack(pack) {
            // Others that the index names here have lost their trailers.
            if known.chunks != named { look.damaged.insert(pack) }
        } else {
            look.report.damaged += Int(named)
        }
    }

    /// - Returns: whether the index names it here.
    private func check(_ chunk: PackContents.Chunk, size: Int64, _ look: inout StoreLook) throws -> Bool {
        look.report.chunks += 1
        let known = try index.chunk(chunk.id)
        let isNamed = known?.place == chunk.place
        do throws(PackFiles.Failure) {
            try store.files.verify(chunk.entry(at: 0))
        } catch {
            switch error {
            case .bad:
                look.report.damaged += 1
                if look.repairs {
                    if isNamed { try removeBad(chunk.id) } else { discard(Freed(chunks: [chunk.place])) }
                }
                return isNamed && !look.repairs
            case .system(let errno):
                look.unreadable.note(SystemError("read", store.files.root, errno))
                return isNamed
            }
        }
        look.report.bytes += Int64(chunk.length)
        if isNamed, known?.length == chunk.length { return true }
        // The pack is right: it is the index that is not, or does not know.
        if isNamed { look.report.damaged += 1 } else { look.report.orphans += 1 }
        if look.repairs { discard(try index.transaction { try enterAnew(chunk, size: size) }) }
        return try look.repairs ? index.chunk(chunk.id)?.place == chunk.place : isNamed
    }

    /// Enters a chunk of a pack that the index names as what its trailers say.
    ///
    /// - Parameter size: the pack's.
    private func enterAnew(_ chunk: PackContents.Chunk, size: Int64) throws -> Freed {
        let pack = chunk.place.pack
        if try index.chunk(chunk.id)?.place == chunk.place, try index.remove(chunk.id).packs.contains(pack) {
            try index.enter(pack, size: size)
        }
        var freed = Freed()
        if try enter(chunk, &freed) { return freed }
        freed += Freed(packs: try index.settle([pack: 0]), chunks: [chunk.place])
        return freed
    }

    /// What the index names and the packs do not have.
    private func checkIndex(_ look: inout StoreLook, _ goOn: (StoreReport) -> Bool) throws {
        let missing = try missingPacks(&look, goOn)
        // Which chunks damaged packs have all the same.
        var known: [PackID: Set<ChunkPlace>] = [:]
        for pack in look.damaged {
            switch contents(of: pack) {
            case .success(let contents): known[pack] = Set(contents.chunks.map(\.place))
            case .failure(.bad): known[pack] = []
            case .failure(.system(let errno)):
                look.unreadable.note(SystemError("read", store.files.root, errno))
            }
        }
        if missing.isEmpty, known.isEmpty { return }
        let chunks = try index.database.prepare("SELECT id, pack, position FROM chunks")
        var lost: [PackID: [ChunkID]] = [:]
        while try chunks.step() {
            let place = try chunks.place(1)
            if missing.contains(place.pack) {
                look.report.missing += 1
            } else if let known = known[place.pack], !known.contains(place) {
                look.report.damaged += 1
            } else {
                continue
            }
            lost[place.pack, default: []].append(try chunks.chunkID(0))
            try look.tell(goOn)
        }
        guard look.repairs else { return }
        for ids in lost.values {
            discard(try index.transaction { try ids.reduce(into: Freed()) { $0 += try index.remove($1) } })
            try look.tell(goOn)
        }
    }

    /// Packs that the index names and that are not there.
    private func missingPacks(_ look: inout StoreLook, _ goOn: (StoreReport) -> Bool) throws -> Set<PackID> {
        let packs = try index.database.prepare(
            "SELECT id FROM packs UNION SELECT DISTINCT pack FROM chunks WHERE pack NOT IN (SELECT id FROM packs)")
        var missing: Set<PackID> = []
        while try packs.step() {
            let pack = PackID(try packs.integer(0, IndexBounds.pack, "packs.id"))
            do throws(SystemError) {
                _ = try FileStatus.ofLink(store.files.path(pack))
            } catch {
                // Any other error has been counted before.
                if PackFiles.Failure(error.errno) == .bad { missing.insert(pack) }
            }
            try look.tell(goOn)
        }
        return missing
    }
}

extension ChunkIndex {
    /// Works the totals out from the rows.
    ///
    /// - Returns: packs that were named without need, which are forgotten.
    func countAnew() throws -> [PackID] {
        let unused = try database.prepare("SELECT id FROM packs WHERE id NOT IN (SELECT pack FROM chunks)")
        var packs: [PackID] = []
        while try unused.step() { packs.append(PackID(try unused.integer(0, IndexBounds.pack, "packs.id"))) }
        try database.execute(
            """
            DELETE FROM packs WHERE id NOT IN (SELECT pack FROM chunks);
            UPDATE packs SET chunks = counted.number
            FROM (SELECT pack, count(*) AS number FROM chunks GROUP BY pack) AS counted WHERE counted.pack = packs.id
            """)
        func sum(_ sql: String) throws -> Int64 { try database.integer("SELECT ifnull(sum(\(sql)") ?? 0 }
        totals.used = try sum("size), 0) FROM packs")
        totals.chunks = try sum("1), 0) FROM chunks")
        totals.uses = try sum("uses), 0) FROM chunks")
        totals.usedBytes = try sum("uses * length), 0) FROM chunks")
        totals.uniqueBytes = try sum("length), 0) FROM chunks")
        totals.manifests = try sum("1), 0) FROM manifests")
        totals.small = try sum("bytes), 0) FROM manifests WHERE queue = 0 AND is_pinned = 0")
        totals.main = try sum("bytes), 0) FROM manifests WHERE queue = 1 AND is_pinned = 0")
        totals.pinned = try sum("bytes), 0) FROM manifests WHERE is_pinned = 1")
        return packs
    }
}
