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
        var info: VersionInfo
        var entry: Manifest.Entry
        var trailer: ChunkTrailer
        /// nil once they are in the file.
        var bytes: ContentBytes?
        var completion: @Sendable (Manifest.Entry?) -> Void
    }

    /// A chunk whose file is there.
    struct Stored: Sendable {
        var info: VersionInfo
        var entry: Manifest.Entry
        var newTrailers: Int64
        var completion: @Sendable (Manifest.Entry?) -> Void
    }

    private(set) var chunks: [Named]
    /// Distinguishes the temporary files from all others.
    let serial: UInt64

    init(chunks: [Named], serial: UInt64) { (self.chunks, self.serial) = (chunks, serial) }

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
    /// - Parameter written: called when the bytes are not needed any more, and their memory is free.
    mutating func makeFiles(_ files: ChunkFiles, written: () -> Void) -> Result<[Stored], any Error> {
        var temporaries: [FilePath] = []
        do {
            do {
                defer {
                    for number in chunks.indices { chunks[number].bytes = nil }
                    written()
                }
                for number in chunks.indices {
                    guard let bytes = chunks[number].bytes.take() else { continue }
                    Failpoint.beforeWrite.pass()
                    let name = "\(serial)-\(number)"
                    temporaries.append(
                        unsafe try files.write(
                            UnsafeRawBufferPointer(bytes.buffer), chunks[number].trailer, serial: name))
                }
            }
            let directory = try open(files.root, [.read, .directory])
            try syncFileSystem(directory.raw)
            Failpoint.afterSync.pass()
            for (chunk, temporary) in zip(chunks, temporaries) { try files.publish(temporary, as: chunk.entry.id) }
            Failpoint.afterWrite.pass()
            return .success(
                chunks.map {
                    Stored(info: $0.info, entry: $0.entry, newTrailers: 1, completion: $0.completion)
                })
        } catch {
            for temporary in temporaries { try? unlink(temporary) }
            for chunk in chunks {
                // Some have their names already.
                files.remove(chunk.entry.id)
                chunk.completion(nil)
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
