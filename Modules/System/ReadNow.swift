import CLinux

/// Reads from the page cache alone (preadv2(2) with RWF_NOWAIT).
///
/// - Returns: how many bytes came; nil when it would have to wait, or the file system does not know the flag.
package func readWithoutWaiting(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
    var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    let count = unsafe preadv2(fd, &vector, 1, off_t(offset), CInt(RWF_NOWAIT))
    return count < 0 ? nil : count
}

/// Asks the kernel to drop what it caches of a file (posix_fadvise(2), POSIX_FADV_DONTNEED).
package func dropCachedPages(_ fd: CInt) throws(SystemError) {
    let result = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)
    if result != 0 { throw SystemError("posix_fadvise", nil, Errno(rawValue: result)) }
}

/// Fills the buffer from `offset`; shorter only at the end of the file. Waits.
package func readFully(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError)
    -> Int
{
    var done = 0
    while done < buffer.count {
        let from = done
        let got = try checked("pread") {
            unsafe pread(fd, buffer.baseAddress?.advanced(by: from), buffer.count - from, off_t(offset) + from)
        }
        if got == 0 { break }
        done += got
    }
    return done
}
