import CLinux

/// What stat(2) tells of a file.
package struct FileStatus: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case regular, directory, symbolicLink, other }

    package var kind: Kind
    package var device: UInt64
    package var inode: UInt64
    /// Bytes.
    package var size: Int64
    /// Nanoseconds since the epoch.
    package var modified: Int64
    /// Nanoseconds since the epoch: the last change of the inode, a rename of the file included on most file systems.
    package var changed: Int64
    package var accessed: Int64
    package var mode: UInt32
    package var owner: UInt32

    init(_ status: stat) {
        switch status.st_mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): kind = .regular
        case UInt32(S_IFDIR): kind = .directory
        case UInt32(S_IFLNK): kind = .symbolicLink
        default: kind = .other
        }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = FileStatus.nanoseconds(status.st_mtim)
        changed = FileStatus.nanoseconds(status.st_ctim)
        accessed = FileStatus.nanoseconds(status.st_atim)
        mode = status.st_mode
        owner = status.st_uid
    }

    /// Times that do not fit (year 2262 and later, or a damaged inode) are clamped.
    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (seconds, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return time.tv_sec < 0 ? .min : .max }
        let (sum, overflow2) = seconds.addingReportingOverflow(Int64(time.tv_nsec))
        return overflow2 ? .max : sum
    }

    /// Follows symbolic links.
    package static func of(_ path: FilePath) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try unsafe path.withCString { (pointer) throws(SystemError) in
            try checked("stat", path) { unsafe clinux_stat(pointer, &status) }
        }
        return FileStatus(status)
    }

    package static func ofLink(_ path: FilePath) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try unsafe path.withCString { (pointer) throws(SystemError) in
            try checked("lstat", path) { unsafe lstat(pointer, &status) }
        }
        return FileStatus(status)
    }

    package static func of(_ fd: borrowing OwnedFD) throws(SystemError) -> FileStatus { try of(raw: fd.raw) }

    package static func of(raw fd: CInt) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try checked("fstat") { unsafe fstat(fd, &status) }
        return FileStatus(status)
    }

    /// fstatat(2) of one name below an open directory.
    package static func at(
        _ directory: CInt, _ name: [UInt8], followLinks: Bool
    ) throws(SystemError) -> FileStatus {
        var status = stat()
        let flags = followLinks ? 0 : AT_SYMLINK_NOFOLLOW
        let result = unsafe withCStringOfBytes(name) { unsafe fstatat(directory, $0, &status, flags) }
        // A scan calls this for every file: the path is made only where it is told.
        guard result == 0 else { throw SystemError("fstatat", FilePath(bytes: name), .current) }
        return FileStatus(status)
    }
}
