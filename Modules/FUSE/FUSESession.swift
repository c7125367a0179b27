import CFuse3
import CLinux
import MusicFSSystem
import Synchronization

/// libfuse's session on the inherited /dev/fuse descriptor: it decodes requests and encodes answers. Reading them,
/// the journal and the threads are ours.
@safe final class FUSESession: Sendable {
    let fileSystem: FileSystem
    let journal: Journal
    let device: CInt
    // libfuse's session is made once and used from many threads, as it allows.
    private nonisolated(unsafe) var session: OpaquePointer?
    /// The INIT of the take-over, whose answer the guardian gave long ago: libfuse's is swallowed.
    private let replayedInit = Atomic<UInt64>(0)

    /// - Throws: ENOMEM, or EINVAL when libfuse refuses the descriptor.
    init(device: CInt, journal: Journal, fileSystem: FileSystem) throws(SystemError) {
        self.device = device
        self.journal = journal
        self.fileSystem = fileSystem
        var operations = lowLevelOperations()
        var io = fuse_custom_io()
        unsafe io.writev = { _, vectors, count, context in
            guard let context = unsafe context else { return -1 }
            let session = unsafe Unmanaged<FUSESession>.fromOpaque(context).takeUnretainedValue()
            return unsafe session.write(vectors, count)
        }
        // Never called: the loop reads by itself. libfuse insists on having it.
        unsafe io.read = { _, _, _, _ in -1 }
        let name = unsafe strdup("musicfs")
        defer { unsafe free(name) }
        var argument: UnsafeMutablePointer<CChar>? = unsafe name
        unsafe session = unsafe withUnsafeMutablePointer(to: &argument) { arguments in
            var list = unsafe fuse_args(argc: 1, argv: arguments, allocated: 0)
            return unsafe fuse_session_new(
                &list, &operations, MemoryLayout<fuse_lowlevel_ops>.size, Unmanaged.passUnretained(self).toOpaque())
        }
        guard let session = unsafe session else { throw SystemError("fuse_session_new", nil, .noMemory) }
        guard unsafe fuse_session_custom_io(session, &io, device) == 0 else {
            throw SystemError("fuse_session_custom_io", nil, .invalid)
        }
    }

    /// Hands libfuse one whole request. The buffer may be written to.
    func process(_ buffer: UnsafeMutableRawBufferPointer, length: Int) {
        var request = unsafe fuse_buf()
        unsafe request.mem = buffer.baseAddress
        unsafe request.size = length
        guard let session = unsafe session else { return }
        unsafe fuse_session_process_buf(session, &request)
    }

    /// Lets libfuse know what was agreed on with the kernel. On one thread, before any other request (rule 7).
    func replayInit() {
        var request = journal.initRequest
        let length = request.count
        guard length >= 16 else { return }
        let unique = request[8..<16].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        replayedInit.store(unique, ordering: .sequentiallyConsistent)
        unsafe request.withUnsafeMutableBytes { unsafe process($0, length: length) }
        replayedInit.store(0, ordering: .sequentiallyConsistent)
    }

    // MARK: Writing

    /// The answer to one request, or a notification (unique 0): the iovec begins with a fuse_out_header.
    private func write(_ vectors: UnsafeMutablePointer<iovec>?, _ count: CInt) -> Int {
        guard let vectors = unsafe vectors, count > 0, let header = unsafe vectors[0].iov_base,
            unsafe vectors[0].iov_len >= 16
        else { return -1 }
        // struct fuse_out_header: len u32, error i32, unique u64 (linux/fuse.h).
        let unique = unsafe header.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let length = Int(unsafe header.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        if unique != 0, unique == replayedInit.load(ordering: .relaxed) { return length }
        if count == 2, unique != 0, unsafe vectors[1].iov_len == 16, let backing = journal.backing(for: unique),
            let body = unsafe vectors[1].iov_base
        {
            // struct fuse_open_out: fh u64, open_flags u32, backing_id i32 (Linux 6.9). libfuse 3.14 knows neither the
            // flag nor the id. FOPEN_KEEP_CACHE is dropped: passthrough has no cache of ours.
            unsafe body.storeBytes(of: UInt32(CLINUX_FOPEN_PASSTHROUGH), toByteOffset: 8, as: UInt32.self)
            unsafe body.storeBytes(of: backing, toByteOffset: 12, as: UInt32.self)
        }
        var written: Int
        repeat { written = unsafe writev(device, vectors, count) } while written < 0 && Errno.current == .interrupted
        let failure = Errno.current
        if unique != 0 { journal.release(unique) }
        if written < 0 {
            // Interrupted, or answered by a predecessor already.
            if failure == .noEntry { return length }
            clinux_set_errno(failure.rawValue)
        }
        return written
    }

    // MARK: Notifications

    /// The kernel forgets what it knows of one name. Blocks while a look-up in the directory is under way: only on the
    /// thread of the invalidator.
    func invalidateEntry(parent: UInt64, name: [UInt8]) {
        guard let session = unsafe session else { return }
        unsafe withCStringOfBytes(name) { name in
            _ = unsafe fuse_lowlevel_notify_inval_entry(session, parent, name, strlen(name))
        }
    }

    /// The kernel forgets a directory's cached listing and attributes.
    func invalidateDirectory(_ node: UInt64) {
        guard let session = unsafe session else { return }
        unsafe fuse_lowlevel_notify_inval_inode(session, node, 0, 0)
    }

    /// The kernel asks for every name again (FUSE_NOTIFY_INC_EPOCH, protocol 7.44).
    /// - Returns: false where the kernel does not know it.
    func invalidateEverything() -> Bool {
        var header: [UInt32] = [16, 8, 0, 0]
        return unsafe header.withUnsafeMutableBytes { bytes in
            unsafe CLinux.write(device, bytes.baseAddress, 16) == 16
        }
    }
}
