import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// The index made from the packs.
extension ChunkWriter {
    /// Makes the index from the trailers of the packs, a batch at a time; what is in it already stays. Deletes what no
    /// version can use, and leaves what cannot be read.
    ///
    /// - Parameter goOn: called after each batch with how many chunks were looked at; ends it by returning false.
    /// - Returns: how many chunks there were in packs that the index did not name.
    @discardableResult
    func rebuild(_ goOn: (Int) -> Bool) throws -> Int {
        var batch: [PackID] = []
        var count = 0
        var unreadable = Unreadable()
        func settle() throws {
            var freed = Freed()
            try index.transaction {
                for pack in batch {
                    switch contents(of: pack) {
                    case .success(let contents):
                        freed += try enter(contents, as: pack)
                        count += contents.chunks.count
                    case .failure(.bad):
                        freed += Freed(packs: [pack])
                        count += 1
                    case .failure(.system(let errno)): unreadable.note(SystemError("read", store.files.root, errno))
                    }
                }
            }
            discard(freed)
            batch = []
        }
        try store.files.forEach(
            pack: { pack in
                index.totals.note(pack)
                if try index.pack(pack) != nil { return }
                batch.append(pack)
                if batch.count == 20 {
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

    func keepLimit() throws {
        let excess = index.totals.used - store.limit
        if excess > 0 { try makeRoom(excess) }
    }

    struct Cancelled: Error {}

    func contents(of pack: PackID) -> Result<PackContents, PackFiles.Failure> {
        Result { () throws(PackFiles.Failure) in try store.files.contents(of: pack) }
    }

    /// Enters a pack that the index does not name.
    func enter(_ contents: PackContents, as pack: PackID) throws -> Freed {
        // What the index says is in the pack would be taken for a second copy, and the pack for one without use.
        for chunk in contents.chunks where try index.chunk(chunk.id)?.place == chunk.place {
            throw SQLiteError.badRow("packs", "id")
        }
        try index.enter(pack, size: contents.size)
        var freed = Freed()
        var unused: [ChunkPlace] = []
        for chunk in contents.chunks where try !enter(chunk, &freed) { unused.append(chunk.place) }
        freed += Freed(packs: try index.settle([pack: 0]), chunks: unused)
        return freed
    }

    /// Enters a chunk of a pack that the index names.
    ///
    /// - Returns: false where nobody has use for it: each version has another one there, or it is in another pack too.
    func enter(_ chunk: PackContents.Chunk, _ freed: inout Freed) throws -> Bool {
        if let known = try index.chunk(chunk.id) {
            if try isWholeNow(chunk.id, known) { return false }
            freed += try index.remove(chunk.id)
        }
        for trailer in chunk.trailers {
            _ = try index.add([chunk.entry(at: trailer.offset)], to: trailer.info)
        }
        return try index.chunk(chunk.id) != nil
    }

    /// Whether a chunk can be used where the index says it is.
    private func isWholeNow(_ id: ChunkID, _ known: ChunkIndex.Chunk) throws -> Bool {
        // One that cannot be read now is no reason to do without one that can.
        do { return try isWhole(id, known) } catch is SystemError { return false }
    }
}
