import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

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
    /// Chunks, and folders of them, that could not be read, which says nothing about them.
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
        "\(count) chunks, or folders of chunks, of the cache cannot be read and are left as they are (\(error)): "
            + "see to their permissions or their disk, and try again"
    }
}

/// What could not be read on the way.
private struct Unreadable {
    var count = 0
    var last: SystemError?

    mutating func note(_ error: SystemError) { (count, last) = (count + 1, error) }

    var error: ChunksUnreadable? { last.map { ChunksUnreadable(count: count, error: $0) } }
}

extension ChunkWriter {
    /// Makes the index from the trailers of the chunk files, a batch at a time; what is in it already stays. Deletes
    /// what no version can use, and leaves what cannot be read.
    ///
    /// - Parameter goOn: called after each batch with how many chunks were looked at; ends it by returning false.
    /// - Returns: how many chunk files there were that the index did not name.
    @discardableResult
    func rebuild(_ goOn: (Int) -> Bool) throws -> Int {
        var batch: [ChunkID] = []
        var count = 0
        var unreadable = Unreadable()
        func settle() throws {
            var unused: [ChunkID] = []
            try index.transaction {
                for id in batch {
                    switch trailers(id, verifies: false) {
                    case .success(let trailers): if try !enter(trailers) { unused.append(id) }
                    case .failure(.bad): unused.append(id)
                    case .failure(.system(let errno)): unreadable.note(SystemError("read", store.files.root, errno))
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
            }, stray: { try? unlink($0) }, unreadable: { unreadable.note($0) })
        try settle()
        try keepLimit()
        // Once, not for each: the disk is not to be given up for it.
        if let error = unreadable.error { store.note(error) }
        return count
    }

    private func keepLimit() throws {
        let excess = index.totals.used - store.limit
        if excess > 0 { try makeRoom(excess) }
    }

    struct Cancelled: Error {}

    private func trailers(_ id: ChunkID, verifies: Bool) -> Result<[ChunkTrailer], ChunkFiles.Failure> {
        Result { () throws(ChunkFiles.Failure) in try store.files.trailers(id, verifies: verifies) }
    }

    /// - Returns: false where no version has use for the chunk: each has another one there.
    private func enter(_ trailers: [ChunkTrailer]) throws -> Bool {
        var isEntered = false
        for trailer in trailers {
            let entry = Manifest.Entry(offset: trailer.offset, length: trailer.length, id: trailer.id)
            let unused = try index.add([(entry, isEntered ? 0 : Int64(trailers.count))], to: trailer.info)
            isEntered = isEntered || unused.isEmpty
        }
        return isEntered
    }

    /// Reads every chunk and compares the index with the files.
    ///
    /// - Parameter repairs: deletes what is bad, enters what the index does not name, and forgets what is not there.
    /// - Throws: ChunksUnreadable at the end, when all else is done.
    func check(repairs: Bool, _ goOn: (StoreReport) -> Bool) throws -> StoreReport {
        var report = StoreReport()
        var unreadable = Unreadable()
        try store.files.forEach(
            chunk: { id in
                report.chunks += 1
                try check(id, repairs: repairs, &report, &unreadable)
                report.unreadable = unreadable.count
                if report.chunks % 256 == 0, !goOn(report) { throw Cancelled() }
            },
            stray: { path in
                report.strays += 1
                if repairs { try unlink(path) }
            },
            unreadable: { unreadable.note($0) })
        let missing = try missingChunks()
        report.unreadable = unreadable.count
        report.missing = missing.count
        if repairs, !missing.isEmpty { try index.transaction { for id in missing { try index.remove(id) } } }
        if repairs {
            try index.transaction { try index.countAnew() }
            try keepLimit()
        }
        if let error = unreadable.error {
            store.note(error)
            throw error
        }
        return report
    }

    private func check(
        _ id: ChunkID, repairs: Bool, _ report: inout StoreReport, _ unreadable: inout Unreadable
    ) throws {
        let known = try index.chunk(id)
        let trailers: [ChunkTrailer]
        switch self.trailers(id, verifies: true) {
        case .success(let found): trailers = found
        case .failure(.bad):
            report.damaged += 1
            if repairs { try removeBad(id) }
            return
        case .failure(.system(let errno)): return unreadable.note(SystemError("read", store.files.root, errno))
        }
        let length = trailers.first?.length ?? 0
        report.bytes += Int64(length)
        if let known, known.length != length {
            // The file is right: it is the index that is not.
            report.damaged += 1
            guard repairs else { return }
            try index.transaction {
                try index.remove(id)
                _ = try enter(trailers)
            }
            return
        }
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
            let id = try statement.chunkID(0)
            do throws(SystemError) {
                _ = try FileStatus.ofLink(store.files.path(id))
            } catch {
                // Any other error has been counted before.
                if ChunkFiles.Failure(error.errno) == .bad { missing.append(id) }
            }
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
            while try statement.step() { keys.append(try statement.contentKey(0)) }
            statement.reset()
            if keys.isEmpty { return before - index.totals.used }
            let unused = try index.transaction {
                try keys.flatMap { key in
                    // Or this would not end.
                    guard try index.manifest(key) != nil else { throw SQLiteError.badRow("manifests", "key") }
                    return try index.remove(key)
                }
            }
            for id in unused { store.files.remove(id) }
        }
    }

    /// Gives a new version the audio of an older one (D24): payload chunks lie at the same distance from its start.
    func adopt(_ old: ContentKey, payloadStart: Int64, for new: VersionInfo) throws -> [Manifest.Entry] {
        guard let from = try index.manifest(old), let payload = new.payload else { return [] }
        guard payloadStart >= 0, payload.lowerBound >= 0 else { return [] }
        var adopted: [Manifest.Entry] = []
        for var entry in try index.entries(ofManifest: from.id) {
            let distance = entry.offset - payloadStart
            guard distance >= 0, distance <= payload.upperBound - payload.lowerBound - Int64(entry.length) else {
                continue
            }
            entry.offset = payload.lowerBound + distance
            guard try index.chunk(of: new.key, at: entry.offset) == nil else { continue }
            do throws(SystemError) {
                try store.files.append(
                    ChunkTrailer(info: new, offset: entry.offset, length: entry.length, id: entry.id))
            } catch { continue }
            adopted.append(entry)
        }
        try index.transaction { _ = try index.add(adopted.map { ($0, 1) }, to: new) }
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
