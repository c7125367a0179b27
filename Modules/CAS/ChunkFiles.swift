import MusicFSCore
import MusicFSSystem
import Synchronization

/// The chunk files: `chunks/aa/<32 digits>`, each the chunk's bytes and behind them its trailers.
///
/// A file appears under its name whole or not at all. Nothing read from one is believed before its hash is right.
struct ChunkFiles: Sendable {
    let root: FilePath

    enum Failure: Error, Hashable, Sendable {
        /// Not there, too short, or other bytes than its name says.
        case bad
        case system(Errno)
    }

    func path(_ id: ChunkID) -> FilePath {
        let text = id.text
        return root.appending(String(text.prefix(2))).appending(text)
    }

    /// Reads a chunk into `buffer`, which has its length, and verifies it.
    func read(_ id: ChunkID, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        do throws(SystemError) {
            let file = try open(path(id), [.read])
            let count = unsafe try readFully(file.raw, into: buffer, at: 0)
            guard count == buffer.count, unsafe ChunkID(of: UnsafeRawBufferPointer(buffer)) == id else {
                throw SystemError("verify", nil, .noData)
            }
        } catch {
            throw error.errno == .noEntry || error.errno == .noData ? .bad : .system(error.errno)
        }
    }

    /// Whether the stored chunk of this name has these bytes; false where there is none.
    func holds(_ id: ChunkID, _ bytes: UnsafeRawBufferPointer) throws(Failure) -> Bool {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 4096)
        defer { unsafe copy.deallocate() }
        do throws(Failure) {
            try unsafe read(id, into: copy)
        } catch {
            if error == .bad { return false }
            throw error
        }
        return unsafe copy.elementsEqual(bytes)
    }

    /// Whether the file of this name is a whole chunk.
    func isWhole(_ id: ChunkID, length: Int) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(length, 0), alignment: 4096)
        defer { unsafe buffer.deallocate() }
        return unsafe (try? read(id, into: buffer)) != nil
    }

    /// Writes a chunk to a temporary name.
    ///
    /// - Parameter serial: no other file that is being written has it.
    /// - Returns: that name, for `publish`.
    func write(
        _ bytes: UnsafeRawBufferPointer, _ trailer: ChunkTrailer, serial: String
    ) throws(SystemError) -> FilePath {
        let folder = path(trailer.id).parent
        let temporary = folder.appending("\(trailer.id.text).\(serial).tmp")
        do throws(SystemError) {
            try unsafe write(bytes, trailer, to: temporary)
        } catch {
            guard error.errno == .noEntry else {
                try? unlink(temporary)
                throw error
            }
            try createDirectories(folder, mode: 0o700)
            try unsafe write(bytes, trailer, to: temporary)
        }
        return temporary
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer, _ trailer: ChunkTrailer, to path: FilePath
    ) throws(SystemError) {
        let file = try open(path, [.write, .create, .truncate])
        try unsafe writeFully(file.raw, bytes)
        try writeFully(file.raw, trailer.bytes)
        try file.close()
    }

    /// Gives a written chunk its name.
    func publish(_ temporary: FilePath, as id: ChunkID) throws(SystemError) { try rename(temporary, to: path(id)) }

    /// Notes in a chunk's file that one more version uses it.
    func append(_ trailer: ChunkTrailer) throws(SystemError) {
        let file = try open(path(trailer.id), [.write, .append])
        try writeFully(file.raw, trailer.bytes)
        try file.close()
    }

    func remove(_ id: ChunkID) {
        // Gone already is as good.
        try? unlink(path(id))
    }

    /// The trailers of a file; nil when it is no chunk file of this name, with nothing but whole trailers at its end.
    ///
    /// - Parameter verifies: reads the bytes too, and compares the hash.
    func trailers(_ id: ChunkID, verifies: Bool) -> [ChunkTrailer]? {
        guard let file = try? open(path(id), [.read]), let size = try? FileStatus.of(file).size,
            let last = trailer(file.raw, at: size - Int64(ChunkTrailer.byteCount)), last.id == id,
            size >= Int64(last.length)
        else { return nil }
        if verifies {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: last.length, alignment: 4096)
            defer { unsafe buffer.deallocate() }
            guard (try? unsafe read(id, into: buffer)) != nil else { return nil }
        }
        var trailers: [ChunkTrailer] = []
        var offset = Int64(last.length)
        while offset < size {
            guard let trailer = trailer(file.raw, at: offset), trailer.id == id, trailer.length == last.length else {
                return nil
            }
            trailers.append(trailer)
            offset += Int64(ChunkTrailer.byteCount)
        }
        return trailers
    }

    private func trailer(_ file: CInt, at offset: Int64) -> ChunkTrailer? {
        guard offset >= 0, let bytes = try? readFully(file, at: offset, count: ChunkTrailer.byteCount) else {
            return nil
        }
        return ChunkTrailer(bytes)
    }

    /// Goes through all chunk files, a folder at a time; others than chunks are given by their path.
    func forEach(chunk: (ChunkID) throws -> Void, stray: (FilePath) throws -> Void) throws {
        guard (try? FileStatus.of(root)) != nil else { return }
        for folder in try listDirectory(open(root, [.read, .directory]), root) where folder.kind == .directory {
            let path = root.appending(folder.name)
            for entry in try listDirectory(open(path, [.read, .directory]), path) {
                if let id = ChunkID(text: String(decoding: entry.name, as: UTF8.self)) {
                    try chunk(id)
                } else {
                    try stray(path.appending(entry.name))
                }
            }
        }
    }

    private func listDirectory(_ directory: consuming OwnedFD, _ path: FilePath) throws(SystemError) -> [DirectoryEntry]
    {
        try MusicFSSystem.listDirectory(directory.raw, path: path)
    }
}
