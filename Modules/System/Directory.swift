import CLinux

/// One entry of a directory as getdents64(2) gives it.
package struct DirectoryEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case regular, directory, symbolicLink, other, unknown }

    package var name: [UInt8]
    package var inode: UInt64
    /// `unknown` on file systems that do not tell; ask fstatat.
    package var kind: Kind
}

/// All entries of an open directory but `.` and `..`, in the file system's order.
///
/// Cost: one system call per 64 KiB of entries. `fd` is rewound first, so that it can be listed again.
package func listDirectory(_ fd: CInt, path: FilePath? = nil) throws(SystemError) -> [DirectoryEntry] {
    _ = try checked("lseek", path) { lseek(fd, 0, SEEK_SET) }
    let capacity = 65536
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
    defer { unsafe buffer.deallocate() }
    var entries: [DirectoryEntry] = []
    while true {
        let filled = try checked("getdents64", path) {
            unsafe clinux_getdents64(fd, buffer.baseAddress, UInt(capacity))
        }
        if filled == 0 { return entries }
        // struct linux_dirent64: d_ino u64, d_off i64, d_reclen u16, d_type u8, d_name with NUL (getdents64(2)).
        var offset = 0
        while offset + 19 < filled {
            let length = Int(unsafe buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
            guard length > 19, offset + length <= filled else { break }
            let name = unsafe buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
            let isSelfOrParent =
                unsafe name.elementsEqual([UInt8(ascii: ".")])
                || name.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")])
            if !isSelfOrParent {
                entries.append(
                    DirectoryEntry(
                        name: unsafe Array(name),
                        inode: unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                        kind: unsafe kind(buffer[offset + 18])))
            }
            offset += length
        }
    }
}

private func kind(_ type: UInt8) -> DirectoryEntry.Kind {
    switch Int(type) {
    case Int(DT_REG): .regular
    case Int(DT_DIR): .directory
    case Int(DT_LNK): .symbolicLink
    case Int(DT_UNKNOWN): .unknown
    default: .other
    }
}
