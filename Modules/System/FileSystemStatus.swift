import CLinux

/// What statfs(2) tells of the file system that a path lies on.
package struct FileSystemStatus: Hashable, Sendable {
    /// `f_type`, a constant of linux/magic.h.
    package var magic: UInt64
    /// `f_fsid` as one number; 0 where the file system has none.
    package var id: UInt64
    package var blockSize: UInt64
    package var blocks: UInt64
    package var availableBlocks: UInt64
    package var availableInodes: UInt64
    package var inodes: UInt64

    package static func of(_ path: FilePath) throws(SystemError) -> FileSystemStatus {
        var status = statfs()
        _ = try unsafe path.withCString { (pointer) throws(SystemError) in
            try checked("statfs", path) { unsafe clinux_statfs(pointer, &status) }
        }
        let id = status.f_fsid.__val
        return FileSystemStatus(
            magic: UInt64(bitPattern: Int64(status.f_type)),
            id: UInt64(UInt32(bitPattern: id.0)) << 32 | UInt64(UInt32(bitPattern: id.1)),
            blockSize: UInt64(clamping: status.f_bsize), blocks: UInt64(status.f_blocks),
            availableBlocks: UInt64(status.f_bavail), availableInodes: UInt64(status.f_ffree),
            inodes: UInt64(status.f_files))
    }
}

/// openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS: EXDEV for whatever would leave `directory`.
package func openBeneath(_ directory: CInt, _ path: FilePath, _ flags: OpenFlags) throws(SystemError) -> OwnedFD {
    let beneath: UInt64 = 0x08
    let noMagicLinks: UInt64 = 0x02
    let fd = try unsafe path.withCString { (pointer) throws(SystemError) in
        try checked("openat2", path) {
            unsafe clinux_openat2_beneath(directory, pointer, flags.rawValue | O_CLOEXEC, beneath | noMagicLinks)
        }
    }
    return OwnedFD(owning: fd)
}
