import CLinux

/// Reads from the page cache alone (preadv2(2) with RWF_NOWAIT).
///
/// - Returns: how many bytes came; nil when it would have to wait, or the file system does not know the flag.
package func readWithoutWaiting(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
    var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    let count = unsafe preadv2(fd, &vector, 1, off_t(offset), CInt(RWF_NOWAIT))
    return count < 0 ? nil : count
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
