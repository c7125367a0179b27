import CLinux

/// An anonymous file in memory of any size (memfd_create(2)); only what is written to it takes memory.
package func makeSparseFile(size: Int64) throws(SystemError) -> OwnedFD {
    let fd = OwnedFD(owning: try checked("memfd_create") { unsafe memfd_create("musicfs-ranges", UInt32(MFD_CLOEXEC)) })
    _ = try checked("ftruncate") { ftruncate(fd.raw, off_t(size)) }
    return fd
}

/// Writes all of `bytes` at `offset`.
package func writeFully(_ fd: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
        let from = done
        done += try checked("pwrite") {
            unsafe pwrite(fd, bytes.baseAddress?.advanced(by: from), bytes.count - from, off_t(offset) + from)
        }
    }
}
