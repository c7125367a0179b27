import CLinux

/// How a file is opened. Close-on-exec is always set.
package struct OpenFlags: OptionSet, Sendable {
    package let rawValue: CInt
    package init(rawValue: CInt) { self.rawValue = rawValue }

    package static let read = OpenFlags(rawValue: O_RDONLY)
    package static let write = OpenFlags(rawValue: O_WRONLY)
    package static let readWrite = OpenFlags(rawValue: O_RDWR)
    package static let create = OpenFlags(rawValue: O_CREAT)
    package static let exclusive = OpenFlags(rawValue: O_EXCL)
    package static let truncate = OpenFlags(rawValue: O_TRUNC)
    package static let append = OpenFlags(rawValue: O_APPEND)
    package static let directory = OpenFlags(rawValue: O_DIRECTORY)
    package static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    package static let noAccessTime = OpenFlags(rawValue: O_NOATIME)
    package static let pathOnly = OpenFlags(rawValue: O_PATH)
    package static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
}

package func open(_ path: FilePath, _ flags: OpenFlags, mode: UInt32 = 0o600) throws(SystemError) -> OwnedFD {
    try open(path, at: AT_FDCWD, flags, mode: mode)
}

/// openat(2); `directory` is a borrowed descriptor number.
package func open(
    _ path: FilePath, at directory: CInt, _ flags: OpenFlags, mode: UInt32 = 0o600
) throws(SystemError) -> OwnedFD {
    let fd = try unsafe path.withCString { (pointer) throws(SystemError) in
        try checked("open", path) {
            unsafe clinux_openat(directory, pointer, flags.rawValue | O_CLOEXEC, mode)
        }
    }
    return OwnedFD(owning: fd)
}

/// Reads at most `count` bytes at `offset`; fewer only at the end of the file.
package func readFully(_ fd: CInt, at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
    var done = 0
    var failure: SystemError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        while done < count {
            let got = unsafe pread(fd, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + done)
            if got == 0 { break }
            if got < 0 {
                if Errno.current == .interrupted { continue }
                failure = SystemError("pread", nil, .current)
                break
            }
            done += got
        }
        initialized = done
    }
    if let failure { throw failure }
    return bytes
}

/// The whole of a small file (configuration, /proc); at most `limit` bytes are read.
package func readFile(_ path: FilePath, limit: Int = 16 << 20) throws(SystemError) -> [UInt8] {
    let fd = try open(path, .read)
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while result.count < limit {
        let size = chunk.count
        let got = try checked("read", path) {
            unsafe chunk.withUnsafeMutableBytes { unsafe CLinux.read(fd.raw, $0.baseAddress, size) }
        }
        if got == 0 { break }
        result.append(contentsOf: chunk[..<got])
    }
    return result
}

/// Writes all of `bytes`.
package func writeFully(_ fd: CInt, _ bytes: some Collection<UInt8>) throws(SystemError) {
    let array = ContiguousArray(bytes)
    var done = 0
    while done < array.count {
        let from = done
        done += try checked("write") {
            unsafe array.withUnsafeBytes { buffer in
                unsafe CLinux.write(fd, buffer.baseAddress?.advanced(by: from), buffer.count - from)
            }
        }
    }
}

/// Writes all of a buffer.
package func writeFully(_ fd: CInt, _ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var done = 0
    while done < bytes.count {
        let from = done
        done += try checked("write") {
            unsafe CLinux.write(fd, bytes.baseAddress?.advanced(by: from), bytes.count - from)
        }
    }
}

/// Writes all of `bytes` at `offset`.
package func writeFully(_ fd: CInt, _ bytes: [UInt8], at offset: Int64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
        let from = done
        done += try checked("pwrite") {
            unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(fd, buffer.baseAddress?.advanced(by: from), buffer.count - from, off_t(offset) + from)
            }
        }
    }
}

/// Writes to the disk all that was written to the file system that `fd` lies on (syncfs(2)).
package func syncFileSystem(_ fd: CInt) throws(SystemError) {
    _ = try checked("syncfs") { syncfs(fd) }
}

/// Waits until a file or directory is on the disk (fsync(2)).
package func synchronize(_ fd: CInt) throws(SystemError) {
    _ = try checked("fsync") { fsync(fd) }
}

/// Finds out whether a directory, which is made if it is missing, takes files and gives them back.
package func probeDirectory(_ path: FilePath) throws(SystemError) {
    try createDirectories(path, mode: 0o700)
    let probe = path.appending("probe.tmp")
    try writeFileAtomically(probe, [1, 2, 3])
    guard try readFile(probe) == [1, 2, 3] else { throw SystemError("probe", path, .io) }
    try unlink(probe)
}

/// Replaces `path` by a file that holds `bytes`, so that a crash leaves the old or the new content.
///
/// Write to a temporary name, sync, rename, sync the directory.
///
/// - Parameter beforeStep: called before `write`, `rename` and `sync`; what it throws stops there, as a crash would.
package func writeFileAtomically(
    _ path: FilePath, _ bytes: [UInt8], mode: UInt32 = 0o600,
    beforeStep: (_ name: String) throws(SystemError) -> Void = { _ in }
) throws(SystemError) {
    try beforeStep("write")
    let temporary = path.suffixed(".\(getpid()).tmp")
    let fd = try open(temporary, [.write, .create, .truncate], mode: mode)
    try writeFully(fd.raw, bytes)
    _ = try checked("fsync", temporary) { fsync(fd.raw) }
    try beforeStep("rename")
    try rename(temporary, to: path)
    try beforeStep("sync")
    let directory = try open(path.parent, [.read, .directory])
    _ = try checked("fsync", path.parent) { fsync(directory.raw) }
}

package func rename(_ from: FilePath, to: FilePath) throws(SystemError) {
    _ = try unsafe from.withCString { (source) throws(SystemError) in
        try unsafe to.withCString { (target) throws(SystemError) in
            try checked("rename", from) { unsafe CLinux.rename(source, target) }
        }
    }
}

package func unlink(_ path: FilePath) throws(SystemError) {
    _ = try unsafe path.withCString { (pointer) throws(SystemError) in
        try checked("unlink", path) { unsafe CLinux.unlink(pointer) }
    }
}

package func removeDirectory(_ path: FilePath) throws(SystemError) {
    _ = try unsafe path.withCString { (pointer) throws(SystemError) in
        try checked("rmdir", path) { unsafe CLinux.rmdir(pointer) }
    }
}

/// Creates the directory and the missing ones above it; one that exists is no error.
package func createDirectories(_ path: FilePath, mode: UInt32 = 0o755) throws(SystemError) {
    do {
        _ = try unsafe path.withCString { (pointer) throws(SystemError) in
            try checked("mkdir", path) { unsafe mkdir(pointer, mode) }
        }
    } catch {
        switch error.errno {
        case .exists:
            if try FileStatus.of(path).kind != .directory { throw error }
        case .noEntry where path.parent != path && path.parent != FilePath("."):
            try createDirectories(path.parent, mode: mode)
            try createDirectories(path, mode: mode)
        default: throw error
        }
    }
}

/// The target of a symbolic link.
package func readLink(_ path: FilePath) throws(SystemError) -> FilePath {
    var buffer = [CChar](repeating: 0, count: 4096)
    let size = buffer.count
    let count = try unsafe path.withCString { (pointer) throws(SystemError) in
        try checked("readlink", path) { unsafe readlink(pointer, &buffer, size) }
    }
    guard let target = FilePath(bytes: buffer[..<count].map { UInt8(bitPattern: $0) }) else {
        throw SystemError("readlink", path, .invalid)
    }
    return target
}
