import MusicFSCore
import MusicFSSystem

/// Chunks that become files together.
///
/// Threads of their own write a group's files, sync them together and give them their names; only then does the writing
/// thread enter them in the index. Several groups are under way at a time, so that a disk that takes long to sync holds
/// back neither the writing of the next group nor, behind it, the readers.
struct ChunkGroup: Sendable {
    /// A chunk with the name of its content.
    struct Named: Sendable {
        var put: ChunkStore.Put
        var entry: Manifest.Entry
        var trailer: ChunkTrailer
    }

    /// A chunk whose file is there.
    struct Stored: Sendable {
        var info: VersionInfo
        var entry: Manifest.Entry
        var newTrailers: Int64
        var completion: @Sendable (Manifest.Entry?) -> Void
    }

    let chunks: [Named]
    /// Distinguishes the temporary files from all others.
    let serial: UInt64

    var ids: Set<ChunkID> { Set(chunks.map(\.entry.id)) }

    /// Bytes of the chunks alone.
    var byteCount: Int64 { chunks.reduce(0) { $0 + Int64($1.entry.length) } }

    /// Room that the files take, in bytes.
    var size: Int64 { byteCount + Int64(chunks.count * ChunkTrailer.byteCount) }

    /// What became of a group.
    struct Outcome: Sendable {
        var ids: Set<ChunkID>
        var size: Int64
        var stored: Result<[Stored], any Error>
    }

    /// Makes the files. What could not be made leaves nothing behind, neither file nor memory.
    ///
    /// - Parameter written: called when the bytes are not needed any more.
    func makeFiles(_ files: ChunkFiles, written: () -> Void) -> Result<[Stored], any Error> {
        var temporaries: [FilePath] = []
        do {
            do {
                defer { written() }
                for (number, chunk) in chunks.enumerated() {
                    Failpoint.beforeWrite.pass()
                    let bytes = unsafe UnsafeRawBufferPointer(chunk.put.bytes.buffer)
                    let name = "\(serial)-\(number)"
                    temporaries.append(unsafe try files.write(bytes, chunk.trailer, serial: name))
                }
            }
            let directory = try open(files.root, [.read, .directory])
            try syncFileSystem(directory.raw)
            Failpoint.afterSync.pass()
            for (chunk, temporary) in zip(chunks, temporaries) { try files.publish(temporary, as: chunk.entry.id) }
            Failpoint.afterWrite.pass()
            return .success(
                chunks.map {
                    Stored(info: $0.put.info, entry: $0.entry, newTrailers: 1, completion: $0.put.completion)
                })
        } catch {
            for temporary in temporaries { try? unlink(temporary) }
            for chunk in chunks {
                // Some have their names already.
                files.remove(chunk.entry.id)
                chunk.put.completion(nil)
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
            guard let group = next else { return }
            let stored = group.makeFiles(files) { work.withLock { $0.putBytes -= group.byteCount } }
            work.withLock { $0.finished.append(.init(ids: group.ids, size: group.size, stored: stored)) }
            work.broadcast()
        }
    }
}
