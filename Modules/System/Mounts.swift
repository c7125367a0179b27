import CLinux

/// A line of /proc/self/mountinfo (proc(5)).
package struct MountEntry: Hashable, Sendable {
    package var id: Int
    /// `major:minor` of the file system, as sysfs names it.
    package var device: String
    package var mountPoint: FilePath
    /// `fuse.musicfs`, `ext4` …
    package var type: String
    package var source: String

    /// Whether it is one of MusicFS, alive or not.
    package var isMusicFS: Bool { type == "fuse.musicfs" }

    /// The mounts of this process's namespace, in the order in which they were made.
    package static func all() throws(SystemError) -> [MountEntry] { parse(try readFile("/proc/self/mountinfo")) }

    package static func parse(_ text: [UInt8]) -> [MountEntry] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: " "))
            // Optional fields end with a lone hyphen; behind it are type, source and options.
            guard fields.count >= 10, let hyphen = fields.firstIndex(of: [UInt8(ascii: "-")]), hyphen >= 6,
                hyphen + 2 < fields.count, let id = Int(String(decoding: fields[0], as: UTF8.self)),
                let path = FilePath(bytes: unescape(fields[4]))
            else { return nil }
            return MountEntry(
                id: id, device: String(decoding: fields[2], as: UTF8.self), mountPoint: path,
                type: String(decoding: fields[hyphen + 1], as: UTF8.self),
                source: String(decoding: unescape(fields[hyphen + 2]), as: UTF8.self))
        }
    }

    /// Space, tab, newline and backslash are written as three octal digits.
    private static func unescape(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x37 }) {
                result.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    /// The topmost mount at exactly this path.
    package static func at(_ path: FilePath) throws(SystemError) -> MountEntry? {
        try all().last { $0.mountPoint == path }
    }
}

/// Takes a mount away (umount2(2)); `lazily` even while it is in use.
package func unmount(_ path: FilePath, lazily: Bool) throws(SystemError) {
    _ = try unsafe path.withCString { (pointer) throws(SystemError) in
        try checked("umount", path) {
            unsafe umount2(pointer, lazily ? CInt(MNT_DETACH) : CInt(UMOUNT_NOFOLLOW))
        }
    }
}

/// A detached copy of the mount at `path` and of those below it that is read-only and leaves access times alone:
/// for this process alone, seen nowhere in the file system.
///
/// - Throws: EPERM without CAP_SYS_ADMIN.
package func cloneMountReadOnly(_ path: FilePath) throws(SystemError) -> OwnedFD {
    // AT_RECURSIVE, of linux/fcntl.h: what is mounted inside a music folder stays visible.
    let recursive: UInt32 = 0x8000
    let fd = OwnedFD(
        owning: try unsafe path.withCString { (pointer) throws(SystemError) in
            try checked("open_tree", path) {
                unsafe clinux_open_tree(
                    AT_FDCWD, pointer, UInt32(CLINUX_OPEN_TREE_CLONE) | UInt32(CLINUX_OPEN_TREE_CLOEXEC) | recursive)
            }
        })
    _ = try checked("mount_setattr", path) { clinux_mount_setattr_readonly_noatime(fd.raw, recursive) }
    return fd
}

/// FUSE_DEV_IOC_BACKING_OPEN: lets the kernel read an open file by itself. Needs CAP_SYS_ADMIN.
package func registerBackingFile(device: CInt, fd: CInt) throws(SystemError) -> UInt32 {
    UInt32(try checked("FUSE_DEV_IOC_BACKING_OPEN") { clinux_fuse_backing_open(device, fd) })
}

package func closeBackingFile(device: CInt, id: UInt32) { _ = clinux_fuse_backing_close(device, id) }

/// Takes an exclusive lock without waiting (flock(2)).
/// - Throws: EAGAIN when another process has it.
package func lockExclusively(_ fd: CInt) throws(SystemError) {
    _ = try checked("flock") { flock(fd, LOCK_EX | LOCK_NB) }
}

/// Shortens or lengthens a file that is open for writing.
package func truncate(_ fd: CInt, to size: Int64) throws(SystemError) {
    _ = try checked("ftruncate") { ftruncate(fd, off_t(size)) }
}
