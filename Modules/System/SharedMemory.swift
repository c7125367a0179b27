import CLinux

/// Anonymous memory that other processes can map by its descriptor (memfd_create(2)).
///
/// All access goes through methods that check their bounds: a wrong offset is a fault of ours and stops the program.
@safe package final class SharedMemory: Sendable {
    package let fd: SharedFD
    package let size: Int
    // Written by several processes; every word that is raced for is accessed atomically.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer

    /// Makes zeroed memory of `size` bytes; its pages cost nothing until they are touched.
    package static func create(name: String, size: Int) throws(SystemError) -> SharedMemory {
        let fd = OwnedFD(owning: try checked("memfd_create") { unsafe memfd_create(name, UInt32(MFD_CLOEXEC)) })
        _ = try checked("ftruncate") { ftruncate(fd.raw, size) }
        return try map(SharedFD(fd), size: size)
    }

    /// Maps the memory behind a descriptor that was inherited or received.
    package static func map(_ fd: SharedFD, size: Int) throws(SystemError) -> SharedMemory {
        let status = try FileStatus.of(raw: fd.raw)
        guard status.size >= Int64(size) else { throw SystemError("mmap", "shared memory", .invalid) }
        let base = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.raw, 0)
        // MAP_FAILED is (void *)-1, a macro.
        guard let base = unsafe base, Int(bitPattern: base) != -1 else { throw SystemError("mmap", nil, .current) }
        return unsafe SharedMemory(fd: fd, size: size, base: base)
    }

    private init(fd: SharedFD, size: Int, base: UnsafeMutableRawPointer) {
        self.fd = fd
        self.size = size
        unsafe self.base = base
    }

    deinit { unsafe munmap(base, size) }

    private func at(_ offset: Int, _ count: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && count >= 0 && offset <= size - count, "shared memory out of bounds")
        return unsafe base + offset
    }

    package func loadU64(_ offset: Int) -> UInt64 { unsafe clinux_atomic_load_u64(at(offset, 8)) }
    package func storeU64(_ offset: Int, _ value: UInt64) { unsafe clinux_atomic_store_u64(at(offset, 8), value) }
    /// - Returns: the new value.
    @discardableResult
    package func addU64(_ offset: Int, _ value: UInt64) -> UInt64 {
        unsafe clinux_atomic_add_u64(at(offset, 8), value)
    }
    package func loadU32(_ offset: Int) -> UInt32 { unsafe clinux_atomic_load_u32(at(offset, 4)) }
    package func storeU32(_ offset: Int, _ value: UInt32) { unsafe clinux_atomic_store_u32(at(offset, 4), value) }

    package func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: at(offset, count), count: count))
    }

    package func store(_ offset: Int, _ bytes: [UInt8]) {
        let target = unsafe at(offset, bytes.count)
        unsafe bytes.withUnsafeBytes { source in
            if let start = source.baseAddress { unsafe target.copyMemory(from: start, byteCount: source.count) }
        }
    }

    package func copy(from: Int, to: Int, count: Int) {
        unsafe at(to, count).copyMemory(from: at(from, count), byteCount: count)
    }

    /// The memory itself, for system calls and libraries; valid while this object lives.
    package func buffer(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: at(offset, count), count: count)
    }
}
