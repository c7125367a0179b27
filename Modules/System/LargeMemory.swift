import CLinux

/// Anonymous memory in huge pages where the kernel has some: filled once and given back, a page of 4 KiB costs more time
/// than the bytes in it.
@safe package final class LargeMemory: Sendable {
    // Whoever has it sees to it that nobody reads while another writes.
    package nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer
    private static let hugePage = 2 << 20

    /// - Parameter count: in bytes; what is in them is zero.
    /// - Returns: nil where there is no memory.
    package init?(count: Int) {
        guard count > 0, count <= .max / 2 else { return nil }
        let length = (count + 4095) & ~4095
        // Longer by what may have to be left out before it begins where a huge page can.
        let room = length + Self.hugePage
        let mapped = unsafe mmap(nil, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        // MAP_FAILED is (void *)-1, a macro.
        guard let mapped = unsafe mapped, Int(bitPattern: mapped) != -1 else { return nil }
        let before = -Int(bitPattern: mapped) & (Self.hugePage - 1)
        let base = unsafe mapped + before
        if before > 0 { unsafe munmap(mapped, before) }
        unsafe munmap(base + length, room - before - length)
        // Without huge pages it is as good.
        unsafe madvise(base, length, MADV_HUGEPAGE)
        unsafe buffer = UnsafeMutableRawBufferPointer(start: base, count: count)
    }

    deinit { unsafe munmap(buffer.baseAddress, (buffer.count + 4095) & ~4095) }
}
