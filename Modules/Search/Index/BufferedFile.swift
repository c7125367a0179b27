import MusicFSSystem

/// A new file that is written from its beginning to its end.
struct BufferedFile: ~Copyable {
    private let path: FilePath
    private let fd: OwnedFD
    private var buffer: [UInt8] = []
    private(set) var offset = 0

    static func create(_ path: FilePath) throws(SearchError) -> BufferedFile {
        do throws(SystemError) {
            return BufferedFile(path: path, fd: try open(path, [.write, .create, .truncate], mode: 0o600))
        } catch { throw SearchError(.disk, "cannot make \(path)", cause: error) }
    }

    private init(path: FilePath, fd: consuming OwnedFD) {
        self.path = path
        self.fd = fd
        buffer.reserveCapacity(1 << 20)
    }

    mutating func write(_ bytes: [UInt8]) throws(SearchError) {
        buffer += bytes
        offset += bytes.count
        if buffer.count >= 1 << 20 { try flush() }
    }

    private mutating func flush() throws(SearchError) {
        do throws(SystemError) { try writeFully(fd.raw, buffer) } catch {
            throw SearchError(.disk, "cannot write \(path)", cause: error)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes what is left, then `header` at the file's beginning, and waits until it is on the disk.
    consuming func finish(header: [UInt8]) throws(SearchError) {
        try flush()
        do throws(SystemError) {
            let (raw, bytes) = (fd.raw, header)
            var failure: SystemError?
            unsafe bytes.withUnsafeBytes { source in
                do throws(SystemError) { try unsafe writeFully(raw, source, at: 0) } catch { failure = error }
            }
            if let failure { throw failure }
            try synchronize(raw)
        } catch { throw SearchError(.disk, "cannot write \(path)", cause: error) }
    }
}
