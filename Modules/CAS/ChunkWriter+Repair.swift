import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// What a look through the store found, or put right.
package struct StoreReport: Hashable, Sendable, Codable {
    package var chunks = 0
    package var bytes: Int64 = 0
    /// Wrong bytes, or no chunk file.
    package var damaged = 0
    /// Named by the index, and not there.
    package var missing = 0
    /// There, and not named by the index.
    package var orphans = 0
    /// Left by a write that was interrupted.
    package var strays = 0

    package var isClean: Bool { damaged + missing + orphans + strays == 0 }

    package init() {}
}

extension ChunkWriter {
    /// Makes the index from the trailers of the chunk files, a batch at a time; what is in it already stays. Deletes
    /// what no version can use.
    ///
    /// - Parameter goOn: called after each batch with how many chunks were looked at; ends it by returning false.
    /// - Returns: how many chunk files there were that the index did not name.
    @discardableResult
    func rebuild(_ goOn: (Int) -> Bool) throws -> Int {
        var batch: [ChunkID] = []
        var count = 0
        func settle() throws {
            var unused: [ChunkID] = []
            try index.transaction {
                for id in batch {
                    guard let trailers = store.files.trailers(id, verifies: false), try enter(trailers) else {
                        unused.append(id)
                        continue
                    }
                }
            }
            for id in unused { store.files.remove(id) }
            count += batch.count
            batch = []
        }
        try store.files.forEach(
            chunk: { id in
                if try index.chunk(id) != nil { return }
                batch.append(id)
                if batch.count == 500 {
                    try settle()
                    if !goOn(count) { throw Cancelled() }
                }
            }, stray: { try? unlink($0) })
        try settle()
        try keepLimit()
        return count
    }

    private func keepLimit() throws {
        let excess = index.totals.used - store.limit
        if excess > 0 { try makeRoom(excess) }
    }

    struct Cancelled: Error {}

    /// - Returns: false where no version has use for the chunk: each has another one there.
    private func enter(_ trailers: [ChunkTrailer]) throws -> Bool {
        var isEntered = false
        for trailer in trailers {
            let manifest = try index.ensureManifest(trailer.info)
            let isUsed = try index.add(
                Manifest.Entry(offset: trailer.offset, length: trailer.length, id: trailer.id), to: trailer.info.key,
                manifest: manifest, newTrailers: isEntered ? 0 : Int64(trailers.count))
            isEntered = isEntered || isUsed
        }
        return isEntered
    }

    /// Reads every chunk and compares the index with the files.
    ///
    /// - Parameter repairs: deletes what is bad, enters what the index does not name, and forgets what is not there.
    func check(repairs: Bool, _ goOn: (StoreReport) -> Bool) throws -> StoreReport {
        var report = StoreReport()
        try store.files.forEach(
            chunk: { id in
                report.chunks += 1
                try check(id, repairs: repairs, &report)
                if report.chunks % 256 == 0, !goOn(report) { throw Cancelled() }
            },
            stray: { path in
                report.strays += 1
                if repairs { try unlink(path) }
            })
        let missing = try missingChunks()
        report.missing = missing.count
        if repairs, !missing.isEmpty { try index.transaction { for id in missing { try index.remove(id) } } }
        if repairs {
            try index.transaction { try index.countAnew() }
            try keepLimit()
        }
        return report
    }

    private func check(_ id: ChunkID, repairs: Bool, _ report: inout StoreReport) throws {
        let known = try index.chunk(id)
        guard let trailers = store.files.trailers(id, verifies: true), let first = trailers.first,
            known == nil || known?.length == first.length
        else {
            report.damaged += 1
            if repairs { try removeBad(id) }
            return
        }
        report.bytes += Int64(first.length)
        if known == nil {
            report.orphans += 1
            guard repairs else { return }
            let isEntered = try index.transaction { try enter(trailers) }
            if !isEntered { store.files.remove(id) }
        } else if repairs {
            // A writer that was killed between the file and the index has left one more.
            try index.transaction { try index.setTrailers(id, trailers.count) }
        }
    }

    private func missingChunks() throws -> [ChunkID] {
        let statement = try index.database.prepare("SELECT id FROM chunks")
        var missing: [ChunkID] = []
        while try statement.step() {
            guard let id = ChunkID(bytes: statement.bytes(0)) else { continue }
            if (try? FileStatus.of(store.files.path(id))) == nil { missing.append(id) }
        }
        return missing
    }

    /// Forgets all versions, or those of one origin.
    ///
    /// - Returns: the bytes that were freed.
    func clear(origin: String?) throws -> Int64 {
        let before = index.totals.used
        while true {
            let statement = try index.database.prepare(
                "SELECT key FROM manifests WHERE ?1 IS NULL OR origin = ?1 LIMIT 200")
            statement.bind(1, origin)
            var keys: [ContentKey] = []
            while try statement.step() { if let key = ContentKey(bytes: statement.bytes(0)) { keys.append(key) } }
            statement.reset()
            if keys.isEmpty { return before - index.totals.used }
            let unused = try index.transaction { try keys.flatMap { try index.remove($0) } }
            for id in unused { store.files.remove(id) }
        }
    }

    /// Gives a new version the audio of an older one (D24): payload chunks lie at the same distance from its start.
    func adopt(_ old: ContentKey, payloadStart: Int64, for new: VersionInfo) throws -> [Manifest.Entry] {
        guard let from = try index.manifest(old), let payload = new.payload else { return [] }
        let shift = payload.lowerBound - payloadStart
        var adopted: [Manifest.Entry] = []
        for var entry in try index.entries(ofManifest: from.id) {
            guard entry.offset >= payloadStart else { continue }
            entry.offset += shift
            guard entry.end <= payload.upperBound, try index.chunk(of: new.key, at: entry.offset) == nil else {
                continue
            }
            do throws(SystemError) {
                try store.files.append(
                    ChunkTrailer(info: new, offset: entry.offset, length: entry.length, id: entry.id))
            } catch { continue }
            adopted.append(entry)
        }
        try index.transaction {
            let manifest = try index.ensureManifest(new)
            for entry in adopted { _ = try index.add(entry, to: new.key, manifest: manifest, newTrailers: 1) }
        }
        return adopted
    }
}

extension ChunkIndex {
    /// Works the totals out from the rows.
    func countAnew() throws {
        let trailer = Int64(ChunkTrailer.byteCount)
        func sum(_ sql: String) throws -> Int64 { try database.integer("SELECT ifnull(sum(\(sql)") ?? 0 }
        totals.used = try sum("length + trailers * \(trailer)), 0) FROM chunks")
        totals.chunks = try sum("1), 0) FROM chunks")
        totals.uses = try sum("uses), 0) FROM chunks")
        totals.usedBytes = try sum("uses * length), 0) FROM chunks")
        totals.uniqueBytes = try sum("length), 0) FROM chunks")
        totals.manifests = try sum("1), 0) FROM manifests")
        totals.small = try sum("bytes), 0) FROM manifests WHERE queue = 0 AND is_pinned = 0")
        totals.main = try sum("bytes), 0) FROM manifests WHERE queue = 1 AND is_pinned = 0")
        totals.pinned = try sum("bytes), 0) FROM manifests WHERE is_pinned = 1")
    }
}
