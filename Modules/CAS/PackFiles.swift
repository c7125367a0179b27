import MusicFSCore
import MusicFSSystem
import Synchronization

/// The files of the packs: `chunks/aa/<16 digits>`, each the bytes of its chunks one after the other, and behind them the
/// chunks' trailers.
///
/// A file for each chunk would be a file system's hardest work: making, naming and deleting a file of 64 KiB costs as
/// much as writing it, and ext4 takes eight times as long where as many were deleted a moment ago, as in a cache that is
/// full.
///
/// A pack appears under its name whole or not at all. Its bytes are not changed afterwards; trailers are added, and struck
/// out. It goes when none of its chunks is used. Nothing read from one is believed before its hash is right.
struct PackFiles: Sendable {
    let root: FilePath

    enum Failure: Error, Hashable, Sendable {
        /// Not there, too short, or other bytes than its name says.
        case bad
        /// It cannot be read now, which says nothing about it: it is to be left alone.
        case system(Errno)

        init(_ errno: Errno) { self = [.noEntry, .notDirectory, .noData].contains(errno) ? .bad : .system(errno) }
    }

    func path(_ pack: PackID) -> FilePath {
        let text = pack.text
        return root.appending(String(text.suffix(2))).appending(text)
    }

    // MARK: Reading

    /// Reads chunks that follow on each other into `buffer`, which has their length, and verifies them.
    ///
    /// - Returns: the first that could not be read, and why; nil when all are there.
    func read(
        _ entries: [Manifest.Entry], into buffer: UnsafeMutableRawBufferPointer
    ) -> (entry: Manifest.Entry, failure: Failure)? {
        unsafe read(entries.runs, into: buffer)
    }

    private func read(
        _ runs: [ArraySlice<Manifest.Entry>], into buffer: UnsafeMutableRawBufferPointer
    ) -> (entry: Manifest.Entry, failure: Failure)? {
        var from = 0
        for run in runs {
            let length = run.reduce(0) { $0 + $1.length }
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[from..<(from + length)])
            if let trouble = unsafe read(run: run, into: part) { return trouble }
            from += length
        }
        return nil
    }

    /// Reads chunks that lie one behind the other in one pack.
    private func read(
        run: ArraySlice<Manifest.Entry>, into buffer: UnsafeMutableRawBufferPointer
    ) -> (entry: Manifest.Entry, failure: Failure)? {
        guard let first = run.first else { return nil }
        let count: Int
        do throws(SystemError) {
            let file = try open(path(first.place.pack), [.read])
            count = unsafe try readFully(file.raw, into: buffer, at: first.place.position)
        } catch {
            if run.count == 1 { return (first, Failure(error.errno)) }
            // It may be a single one that cannot be read.
            return unsafe read(run.indices.map { run[$0...$0] }, into: buffer)
        }
        var from = 0
        for entry in run {
            guard from + entry.length <= count else { return (entry, .bad) }
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[from..<(from + entry.length)])
            guard unsafe ChunkID(of: bytes) == entry.id else { return (entry, .bad) }
            from += entry.length
        }
        return nil
    }

    /// Whether the stored chunk has these bytes; false where it is not there, or not right.
    func holds(_ entry: Manifest.Entry, _ bytes: UnsafeRawBufferPointer) throws(Failure) -> Bool {
        guard entry.length == bytes.count else { return false }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 4096)
        defer { unsafe copy.deallocate() }
        switch unsafe read([entry], into: copy)?.failure {
        case nil: return unsafe copy.elementsEqual(bytes)
        case .bad: return false
        case let failure?: throw failure
        }
    }

    /// Throws `bad` when a chunk is not there, or not right.
    func verify(_ entry: Manifest.Entry) throws(Failure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.length, alignment: 4096)
        defer { unsafe buffer.deallocate() }
        if let trouble = unsafe read([entry], into: buffer) { throw trouble.failure }
    }

    // MARK: Writing

    /// Writes a pack to a temporary name.
    ///
    /// - Parameters:
    ///   - chunks: their bytes and their trailers, the places of which are set.
    ///   - beforeEach: called before a chunk is written.
    /// - Returns: that name, for `publish`.
    func write(
        _ chunks: [(bytes: ContentBytes, trailer: ChunkTrailer)], _ pack: PackID, beforeEach: () -> Void
    ) throws(SystemError) -> FilePath {
        let temporary = path(pack).suffixed(".tmp")
        do throws(SystemError) {
            let file = try create(temporary)
            for chunk in chunks {
                beforeEach()
                try unsafe writeFully(file.raw, UnsafeRawBufferPointer(chunk.bytes.buffer))
            }
            try writeFully(file.raw, chunks.flatMap(\.trailer.bytes))
            try file.close()
        } catch {
            try? unlink(temporary)
            throw error
        }
        return temporary
    }

    private func create(_ path: FilePath) throws(SystemError) -> OwnedFD {
        do throws(SystemError) {
            return try open(path, [.write, .create, .truncate])
        } catch {
            guard error.errno == .noEntry else { throw error }
            try createDirectories(path.parent, mode: 0o700)
            return try open(path, [.write, .create, .truncate])
        }
    }

    /// Gives a written pack its name.
    func publish(_ temporary: FilePath, as pack: PackID) throws(SystemError) { try rename(temporary, to: path(pack)) }

    /// Notes in a pack that one more version uses chunks of it, where that is not noted yet.
    ///
    /// - Parameter trailers: their places are found.
    /// - Returns: the size of the file.
    /// - Throws: `bad` where the pack has no such chunk. The file is as it was then.
    func append(_ trailers: [ChunkTrailer], to pack: PackID) throws(Failure) -> Int64 {
        let (size, records) = try records(of: pack)
        let known = Dictionary(records.map { ($0.trailer.id, $0.trailer) }) { first, _ in first }
        let noted = Set(records.map(\.trailer))
        var bytes: [UInt8] = []
        for var trailer in trailers {
            guard let first = known[trailer.id] else { throw .bad }
            (trailer.position, trailer.dataSize) = (first.position, first.dataSize)
            if !noted.contains(trailer) { bytes += trailer.bytes }
        }
        if bytes.isEmpty { return size }
        // What an interrupted write has left of a trailer is written over.
        let begin = records.first?.trailer.dataSize ?? 0
        let end = size - (size - begin) % Int64(ChunkTrailer.byteCount)
        do throws(SystemError) {
            let file = try open(path(pack), [.write])
            do throws(SystemError) {
                try writeFully(file.raw, bytes, at: end)
            } catch {
                try truncate(file.raw, to: end)
                throw error
            }
            try file.close()
        } catch { throw Failure(error.errno) }
        return max(size, end + Int64(bytes.count))
    }

    /// Strikes out trailers, so that nobody takes what they name for something that is used.
    func strike(in pack: PackID, where isStruck: (ChunkTrailer) -> Bool) throws(Failure) {
        let offsets = try records(of: pack).records.filter { isStruck($0.trailer) }.map(\.offset)
        if offsets.isEmpty { return }
        do throws(SystemError) {
            let file = try open(path(pack), [.write])
            for offset in offsets { try writeFully(file.raw, ChunkTrailer.struck, at: offset) }
            try file.close()
        } catch { throw Failure(error.errno) }
    }

    func remove(_ pack: PackID) {
        // Gone already is as good.
        try? unlink(path(pack))
    }

    // MARK: Trailers

    /// What a pack says of itself.
    ///
    /// - Throws: `bad` when it is not there, or no pack, or all its trailers are struck out.
    func contents(of pack: PackID) throws(Failure) -> PackContents {
        let (size, records) = try records(of: pack)
        var chunks: [Int64: PackContents.Chunk] = [:]
        var places: [ChunkID: Int64] = [:]
        for (_, trailer) in records {
            var chunk = chunks[trailer.position] ?? PackContents.Chunk(pack, trailer)
            let place = places[trailer.id] ?? trailer.position
            // The bytes can have but one name, and the name one place.
            guard chunk.id == trailer.id, chunk.length == trailer.length, place == trailer.position else { continue }
            chunk.trailers.append(trailer)
            chunks[trailer.position] = chunk
            places[trailer.id] = place
        }
        return PackContents(size: size, chunks: chunks.values.sorted { $0.place.position < $1.place.position })
    }

    /// The whole trailers, and where they lie.
    private func records(
        of pack: PackID
    ) throws(Failure) -> (size: Int64, records: [(offset: Int64, trailer: ChunkTrailer)]) {
        let step = ChunkTrailer.byteCount
        do throws(SystemError) {
            let file = try open(path(pack), [.read])
            let size = try FileStatus.of(file).size
            // Each says where they begin; the last that is whole is asked.
            guard let begin = try lastTrailer(file.raw, size)?.dataSize, IndexBounds.trailers.contains(size - begin)
            else { throw SystemError("verify", nil, .noData) }
            var records: [(offset: Int64, trailer: ChunkTrailer)] = []
            for offset in stride(from: begin, to: size, by: 64 * step) {
                let bytes = try readFully(file.raw, at: offset, count: 64 * step)
                for from in stride(from: 0, through: bytes.count - step, by: step) {
                    guard let trailer = ChunkTrailer(Array(bytes[from..<(from + step)])), trailer.dataSize == begin
                    else { continue }
                    records.append((offset + Int64(from), trailer))
                }
            }
            return (size, records)
        } catch { throw Failure(error.errno) }
    }

    /// How far from the end it is looked for, in bytes: some thousand trailers.
    private static let farthest: Int64 = 1 << 20

    /// The last whole trailer, behind which there may be any number of bytes that are none.
    private func lastTrailer(_ file: CInt, _ size: Int64) throws(SystemError) -> ChunkTrailer? {
        let step = ChunkTrailer.byteCount
        var end = size
        while end >= Int64(step), size - end < Self.farthest {
            let begin = max(0, end - Int64(64 * step))
            let bytes = try readFully(file, at: begin, count: Int(end - begin))
            for from in stride(from: bytes.count - step, through: 0, by: -1)
            where bytes[from] == ChunkTrailer.magic[0] {
                guard let trailer = ChunkTrailer(Array(bytes[from..<(from + step)])) else { continue }
                let distance = begin + Int64(from) - trailer.dataSize
                if distance >= 0, distance % Int64(step) == 0 { return trailer }
            }
            if begin == 0 { return nil }
            // One may begin in this block's part and end in the next.
            end = begin + Int64(step) - 1
        }
        return nil
    }

    // MARK: All of them

    /// Goes through all packs, a folder at a time; other files are given by their path, and the errors of folders that
    /// cannot be listed to `unreadable`.
    func forEach(
        pack: (PackID) throws -> Void, stray: (FilePath) throws -> Void,
        unreadable: (SystemError) throws -> Void = { throw $0 }
    ) throws {
        let folders: [DirectoryEntry]
        do throws(SystemError) {
            folders = try listDirectory(open(root, [.read, .directory]), root)
        } catch {
            if error.errno == .noEntry { return }
            throw error
        }
        for folder in folders where folder.kind == .directory {
            let path = root.appending(folder.name)
            let entries: [DirectoryEntry]
            do throws(SystemError) {
                entries = try listDirectory(open(path, [.read, .directory]), path)
            } catch {
                try unreadable(error)
                continue
            }
            for entry in entries {
                let file = path.appending(entry.name)
                if let id = PackID(text: String(decoding: entry.name, as: UTF8.self)), self.path(id) == file {
                    try pack(id)
                } else {
                    try stray(file)
                }
            }
        }
    }

    private func listDirectory(_ directory: consuming OwnedFD, _ path: FilePath) throws(SystemError) -> [DirectoryEntry]
    {
        try MusicFSSystem.listDirectory(directory.raw, path: path)
    }
}

extension [Manifest.Entry] {
    /// The entries in runs that lie one behind the other in a pack.
    fileprivate var runs: [ArraySlice<Manifest.Entry>] {
        var runs: [ArraySlice<Manifest.Entry>] = []
        var first = startIndex
        for index in indices.dropFirst() {
            let last = self[index - 1]
            let behind = ChunkPlace(pack: last.place.pack, position: last.place.position + Int64(last.length))
            if self[index].place != behind {
                runs.append(self[first..<index])
                first = index
            }
        }
        if first < endIndex { runs.append(self[first...]) }
        return runs
    }
}
