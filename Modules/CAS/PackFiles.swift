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
        /// It cannot be read now, which says nothing about it: it is to be left alone.
        case system(Errno)

        init(_ errno: Errno) { self = [.noEntry, .notDirectory, .noData].contains(errno) ? .bad : .system(errno) }
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
        } catch { throw Failure(error.errno) }
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

    /// The trailers of a file, at least one.
    ///
    /// - Parameter verifies: reads the bytes too, and compares the hash.
    /// - Throws: `bad` when it is no chunk file of this name, with nothing but whole trailers at its end.
    func trailers(_ id: ChunkID, verifies: Bool) throws(Failure) -> [ChunkTrailer] {
        var trailers: [ChunkTrailer] = []
        do throws(SystemError) {
            let file = try open(path(id), [.read])
            let size = try FileStatus.of(file).size
            let last = try trailer(of: id, file.raw, at: size - Int64(ChunkTrailer.byteCount))
            var offset = Int64(last.length)
            while offset < size {
                let trailer = try trailer(of: id, file.raw, at: offset)
                guard trailer.length == last.length else { throw SystemError("verify", nil, .noData) }
                trailers.append(trailer)
                offset += Int64(ChunkTrailer.byteCount)
            }
        } catch { throw Failure(error.errno) }
        guard let length = trailers.first?.length else { throw .bad }
        if verifies {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 4096)
            defer { unsafe buffer.deallocate() }
            unsafe try read(id, into: buffer)
        }
        return trailers
    }

    private func trailer(of id: ChunkID, _ file: CInt, at offset: Int64) throws(SystemError) -> ChunkTrailer {
        guard offset >= 0,
            let trailer = ChunkTrailer(try readFully(file, at: offset, count: ChunkTrailer.byteCount)),
            trailer.id == id
        else { throw SystemError("verify", nil, .noData) }
        return trailer
    }

    /// Goes through all chunk files, a folder at a time; others than chunks are given by their path, and the errors of
    /// folders that cannot be listed to `unreadable`.
    func forEach(
        chunk: (ChunkID) throws -> Void, stray: (FilePath) throws -> Void,
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
