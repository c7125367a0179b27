package import MusicFSSystem

/// What kind of file system a path lies on, by statfs(2)'s type; this counts, not what the configuration says.
package enum FileSystemKind: Hashable, Sendable {
    /// A disk's file system that honours RWF_NOWAIT and may back the kernel's own reads.
    case local
    /// Local, but without RWF_NOWAIT, or not to be stacked upon: tmpfs, overlayfs.
    case localLayered
    /// Behind a network, or behind a daemon: a call may hang for ever.
    case remote

    /// - Parameter magic: `f_type` of statfs(2); the numbers are those of the kernel's include/uapi/linux/magic.h.
    package init(magic: UInt64) {
        switch magic {
        case 0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E:
            self = .local  // ext2-4, xfs, btrfs, f2fs, zfs, bcachefs
        case 0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x517B, 0x6573_5546, 0x0102_1997, 0x5346_414F, 0x00C3_6400:
            self = .remote  // nfs, cifs, smb2, smb, fuse, 9p, afs, ceph
        default: self = .localLayered
        }
    }

    package static func of(_ path: FilePath) throws(SystemError) -> FileSystemKind {
        FileSystemKind(magic: try FileSystemStatus.of(path).magic)
    }
}
