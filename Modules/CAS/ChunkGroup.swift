import MusicFSCore
import MusicFSSystem

/// Packs that are made together.
///
/// Threads of their own write a group's packs, sync them together and give them their names; only then does the writing
/// thread enter them in the index. Several groups are under way at a time, so that a disk that takes long to sync holds
/// back neither the writing of the next group nor, behind it, the readers.
struct ChunkGroup: Sendable {
    /// A chunk with the name of its content.
    struct Named: Sendable {
        var info: VersionInfo
        var offset: Int64
        var length: Int
        var id: ChunkID
        /// nil once they are in the pack.
        var bytes: ContentBytes?
        var completion: @Sendable (Manifest.Entry?) -> Void
    }

    /// A chunk that is in a pack.
    struct Stored: Sendable {
        var entry: Manifest.Entry
        var completion: @Sendable (Manifest.Entry?) -> Void
    }

    /// A pack whose file is there.
    struct StoredPack: Sendable {
        var id: PackID
        var info: VersionInfo
        var size: Int64
        var chunks: [Stored]
    }

    private struct Pack: Sendable {
        var id: PackID
        var info: VersionInfo
        var chunks: [Named]

        /// Bytes of the chunks alone.
        var byteCount: Int64 { chunks.reduce(0) { $0 + Int64($1.length) } }
        /// Bytes of the file.
        var size: Int64 { byteCount + Int64(chunks.count * ChunkTrailer.byteCount) }

        /// The chunks one after the other.
        var entries: [Manifest.Entry] {
            var position: Int64 = 0
            return chunks.map { chunk in
                defer { position += Int64(chunk.length) }
                let place = ChunkPlace(pack: id, position: position)
                return Manifest.Entry(offset: chunk.offset, length: chunk.length, id: chunk.id, place: place)
            }
        }

        var stored: StoredPack {
            StoredPack(
                id: id, info: info, size: size,
                chunks: zip(entries, chunks).map { Stored(entry: $0, completion: $1.completion) })
        }

        mutating func forgetBytes() { for number in chunks.indices { chunks[number].bytes = nil } }

        /// Writes the file to a temporary name; the chunks' memory is free then, whatever happens.
        mutating func write(_ files: PackFiles) throws -> FilePath {
            let end = byteCount
            defer { forgetBytes() }
            let contents = zip(entries, chunks).compactMap { entry, chunk in
                chunk.bytes.map { ($0, ChunkTrailer(info: info, entry, dataSize: end)) }
            }
            return try files.write(contents, id) { Failpoint.beforeWrite.pass() }
        }
    }

    private var packs: [Pack]

    /// Each version has a pack of its own, so that it goes with the version.
    ///
    /// - Parameter number: gives each pack its number.
    init(_ chunks: [Named], number: () -> PackID) {
        packs = Dictionary(grouping: chunks, by: \.info).map { info, chunks in
            Pack(id: number(), info: info, chunks: chunks.sorted { $0.offset < $1.offset })
        }
    }

    var ids: Set<ChunkID> { Set(packs.lazy.flatMap(\.chunks).map(\.id)) }
    var byteCount: Int64 { packs.reduce(0) { $0 + $1.byteCount } }
    /// Room that the files take, in bytes.
    var size: Int64 { packs.reduce(0) { $0 + $1.size } }

    /// What became of a group.
    struct Outcome: Sendable {
        var ids: Set<ChunkID>
        var size: Int64
        var stored: Result<[StoredPack], any Error>
    }

    /// Makes the files. What could not be made leaves nothing behind, neither file nor memory.
    ///
    /// - Parameter written: called when the bytes are not needed any more, and their memory is free.
    mutating func makeFiles(_ files: PackFiles, written: () -> Void) -> Result<[StoredPack], any Error> {
        var temporaries: [FilePath] = []
        do {
            do {
                defer {
                    for number in packs.indices { packs[number].forgetBytes() }
                    written()
                }
                for number in packs.indices { temporaries.append(try packs[number].write(files)) }
            }
            let directory = try open(files.root, [.read, .directory])
            try syncFileSystem(directory.raw)
            Failpoint.afterSync.pass()
            for (pack, temporary) in zip(packs, temporaries) { try files.publish(temporary, as: pack.id) }
            Failpoint.afterWrite.pass()
            return .success(packs.map(\.stored))
        } catch {
            for temporary in temporaries { try? unlink(temporary) }
            for pack in packs {
                // Some have their names already.
                files.remove(pack.id)
                for chunk in pack.chunks { chunk.completion(nil) }
            }
            return .failure(error)
        }
    }
}

extension ChunkStore {
    /// Threads that make files, and so the most groups that are under way.
    static let fileThreads = 3

    /// What each of them does until the writing thread has ended.
    func makeFiles() {
        while true {
            let next = work.wait { work -> ChunkGroup?? in
                if !work.groups.isEmpty { return .some(work.groups.removeFirst()) }
                return work.hasEnded ? .some(nil) : nil
            }
            guard var group = next else { return }
            let count = group.byteCount
            let stored = group.makeFiles(files) { work.withLock { $0.putBytes -= count } }
            work.withLock { $0.finished.append(.init(ids: group.ids, size: group.size, stored: stored)) }
            work.broadcast()
        }
    }
}
