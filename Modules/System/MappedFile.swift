import CLinux

/// A file that is read through memory (mmap(2)).
///
/// A file that shrinks while it is mapped is a SIGBUS, so only files that nobody but this program writes, and never in
/// place, may be mapped. The bytes are valid while this object lives.
@safe package final class MappedFile: Sendable {
    package let count: Int
    // Mapped privately and for reading alone: nobody writes there.
    private nonisolated(unsafe) let base: UnsafeRawPointer?

    /// - Parameter count: the length that the file must have.
    /// - Throws: `SystemError` with `.io` for a file of another length.
    package static func open(_ path: FilePath, count: Int) throws(SystemError) -> MappedFile {
        let fd = try MusicFSSystem.open(path, [.read, .noFollow])
        let status = try FileStatus.of(fd)
        guard status.kind == .regular, status.size == Int64(count) else { throw SystemError("mmap", path, .io) }
        if count == 0 { return unsafe MappedFile(count: 0, base: nil) }
        let base = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, fd.raw, 0)
        // MAP_FAILED is (void *)-1, a macro.
        guard let base = unsafe base, Int(bitPattern: base) != -1 else { throw SystemError("mmap", path, .current) }
        return unsafe MappedFile(count: count, base: UnsafeRawPointer(base))
    }

    private init(count: Int, base: UnsafeRawPointer?) {
        self.count = count
        unsafe self.base = base
    }

    deinit { if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), count) } }

    /// The content; valid while this object lives.
    package var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }
}
