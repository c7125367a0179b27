import CSSH2
import MusicFSCore
import MusicFSSystem

/// Files and folders over SFTP.
extension SSHSession {
    /// What the server tells of a path. Times are whole seconds.
    struct Attributes {
        /// nil for what is neither, a link that was not followed included.
        var kind: OriginEntry.Kind?
        var isLink: Bool
        var stamp: FileStamp

        init(_ raw: LIBSSH2_SFTP_ATTRIBUTES) {
            let type = Int32(clamping: raw.permissions) & LIBSSH2_SFTP_S_IFMT
            isLink = type == LIBSSH2_SFTP_S_IFLNK
            kind = type == LIBSSH2_SFTP_S_IFREG ? .file : type == LIBSSH2_SFTP_S_IFDIR ? .folder : nil
            stamp = FileStamp(
                size: Int64(clamping: raw.filesize), modified: Int64(clamping: raw.mtime) &* 1_000_000_000, inode: 0)
        }
    }

    func attributes(_ path: [UInt8], follows: Bool) throws(OriginError) -> Attributes {
        var raw = LIBSSH2_SFTP_ATTRIBUTES()
        let result = unsafe path.withUnsafeBytes { bytes in
            unsafe libssh2_sftp_stat_ex(
                sftp, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(bytes.count),
                follows ? LIBSSH2_SFTP_STAT : LIBSSH2_SFTP_LSTAT, &raw)
        }
        guard result == 0 else { throw failure("asking for a file") }
        return Attributes(raw)
    }

    func list(_ path: [UInt8], _ deadline: UInt64) throws(OriginError) -> [(name: [UInt8], found: Attributes)] {
        guard let handle = unsafe open(path, LIBSSH2_SFTP_OPENDIR) else { throw failure("opening a folder") }
        defer { unsafe libssh2_sftp_close_handle(handle) }
        var entries: [(name: [UInt8], found: Attributes)] = []
        var name = [CChar](repeating: 0, count: 4096)
        while true {
            var raw = LIBSSH2_SFTP_ATTRIBUTES()
            try continues(until: deadline)
            let count = unsafe libssh2_sftp_readdir_ex(handle, &name, 4096, nil, 0, &raw)
            if count == 0 { return entries }
            if count < 0 {
                // A name that is longer than any file system's.
                if count == LIBSSH2_ERROR_BUFFER_TOO_SMALL { continue }
                throw failure("listing a folder")
            }
            entries.append((name[..<Int(count)].map { UInt8(bitPattern: $0) }, Attributes(raw)))
        }
    }

    /// Fills what is left of the buffers. A file that was opened not long ago takes one round trip; another one two more, for opening it
    /// and for making sure that it is the version that is meant.
    func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers, _ deadline: UInt64
    ) throws(OriginError) {
        let handle: OpaquePointer
        let position = offset + Int64(buffers.filled)
        if let known = unsafe files.handle(path, stamp) {
            unsafe handle = known
            unsafe libssh2_sftp_seek64(handle, UInt64(clamping: position))
        } else {
            unsafe handle = try openVersion(path, stamp, at: position, into: buffers)
        }
        while !buffers.isFull {
            try continues(until: deadline)
            let count = unsafe libssh2_sftp_read(
                handle, buffers.room.baseAddress?.assumingMemoryBound(to: CChar.self), step(buffers))
            if count < 0 { throw failure("reading a file") }
            if count == 0 { throw OriginError(.changed, "the file ended early") }
            buffers.advance(count)
        }
    }

    /// How many bytes to ask for: libssh2 asks for four times as much ahead, so that a quarter of what is wanted puts just
    /// that on its way.
    private func step(_ buffers: ReadBuffers) -> Int {
        max(1, min((buffers.count - buffers.filled) / 4, unsafe buffers.room.count))
    }

    /// Opens a file and makes sure that it is the version that is meant. What is to be read of it is asked for in the same
    /// round trip as its attributes, and not used unless they are right.
    @unsafe private func openVersion(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers
    ) throws(OriginError) -> OpaquePointer {
        guard let handle = unsafe open(path, LIBSSH2_SFTP_OPENFILE) else { throw failure("opening a file") }
        unsafe libssh2_sftp_seek64(handle, UInt64(clamping: offset))
        var raw = LIBSSH2_SFTP_ATTRIBUTES()
        waits(false)
        let early = unsafe libssh2_sftp_read(
            handle, buffers.room.baseAddress?.assumingMemoryBound(to: CChar.self), step(buffers))
        var result = unsafe libssh2_sftp_fstat_ex(handle, &raw, 0)
        waits(true)
        if result == LIBSSH2_ERROR_EAGAIN { result = unsafe libssh2_sftp_fstat_ex(handle, &raw, 0) }
        guard result == 0 else {
            let error = failure("asking for a file")
            unsafe libssh2_sftp_close_handle(handle)
            throw error
        }
        let found = Attributes(raw).stamp
        guard found.size == stamp.size, found.modified == stamp.modified else {
            unsafe libssh2_sftp_close_handle(handle)
            throw OriginError(.changed, "the file is another version by now")
        }
        unsafe files.keep(handle, path, stamp)
        if early > 0 { buffers.advance(early) }
        return unsafe handle
    }

    @unsafe private func open(_ path: [UInt8], _ kind: Int32) -> OpaquePointer? {
        unsafe path.withUnsafeBytes { bytes in
            unsafe libssh2_sftp_open_ex(
                sftp, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(bytes.count),
                UInt(LIBSSH2_FXF_READ), 0, kind)
        }
    }
}
