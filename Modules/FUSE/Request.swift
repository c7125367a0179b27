import CFuse3
import MusicFSSystem
import Synchronization

/// A request of the kernel, to be answered exactly once: every `reply` consumes it, and one that is dropped is
/// answered EIO.
@safe struct Request: ~Copyable {
    private let raw: fuse_req_t
    let unique: UInt64
    private let operation: FileSystemStatistics.Operation
    /// When its handler was called, nanoseconds of CLOCK_MONOTONIC.
    private let start: UInt64

    /// Only for the callbacks of libfuse, which give each request once.
    init(_ raw: fuse_req_t, unique: UInt64, _ operation: FileSystemStatistics.Operation, start: UInt64) {
        unsafe self.raw = unsafe raw
        self.unique = unique
        self.operation = operation
        self.start = start
    }

    deinit { unsafe fuse_reply_err(raw, Errno.io.rawValue) }

    consuming func reply(_ error: Errno) {
        let raw = unsafe self.raw
        discard self
        unsafe fuse_reply_err(raw, error.rawValue)
    }

    consuming func replyDone() {
        let raw = unsafe self.raw
        discard self
        unsafe fuse_reply_err(raw, 0)
    }

    consuming func replyNothing() {
        let raw = unsafe self.raw
        discard self
        unsafe fuse_reply_none(raw)
    }

    consuming func reply(entry: musicfs_attributes) {
        let raw = unsafe self.raw
        discard self
        unsafe withUnsafePointer(to: entry) { _ = unsafe musicfs_reply_entry(raw, $0) }
    }

    /// "There is no such name", to be remembered for `timeout` seconds.
    consuming func replyAbsent(timeout: Double) {
        let raw = unsafe self.raw
        discard self
        unsafe musicfs_reply_negative(raw, timeout)
    }

    consuming func reply(attributes: musicfs_attributes) {
        let raw = unsafe self.raw
        discard self
        unsafe withUnsafePointer(to: attributes) { _ = unsafe musicfs_reply_attributes(raw, $0) }
    }

    /// - Returns: false where nobody waits for it any more, or it was answered before: the handle is nobody's then.
    consuming func replyOpen(handle: UInt64) -> Bool {
        let raw = unsafe self.raw
        discard self
        return unsafe musicfs_reply_open(raw, handle) == 0
    }

    /// Bytes of a file or a listing, copied to the kernel before it returns.
    consuming func reply(bytes: UnsafeRawBufferPointer) {
        let raw = unsafe self.raw
        discard self
        unsafe fuse_reply_buf(raw, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
    }

    /// What a symbolic link says.
    consuming func reply(target: [UInt8]) {
        let raw = unsafe self.raw
        discard self
        unsafe withCStringOfBytes(target) { _ = unsafe fuse_reply_readlink(raw, $0) }
    }

    /// Nothing more to read.
    consuming func replyEnd() {
        let raw = unsafe self.raw
        discard self
        unsafe fuse_reply_buf(raw, nil, 0)
    }

    consuming func reply(statfs bytes: UInt64, files: UInt64) {
        let raw = unsafe self.raw
        discard self
        unsafe musicfs_reply_statfs(raw, bytes, files, 4096, 255)
    }

    /// The value of an extended attribute, or its size where the caller asks for that with `room` 0.
    consuming func reply(attribute value: [UInt8], room: Int) {
        let raw = unsafe self.raw
        discard self
        if room == 0 {
            unsafe fuse_reply_xattr(raw, value.count)
        } else if room < value.count {
            unsafe fuse_reply_err(raw, Errno.range.rawValue)
        } else {
            unsafe value.withUnsafeBytes { bytes in
                _ = unsafe fuse_reply_buf(raw, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
            }
        }
    }

    /// Room for directory entries, to be filled by libfuse's own encoder.
    borrowing func addEntry(
        _ buffer: UnsafeMutableRawBufferPointer, name: [UInt8], _ attributes: musicfs_attributes, cookie: Int64,
        isPlus: Bool
    ) -> Int {
        unsafe withCStringOfBytes(name) { name in
            unsafe withUnsafePointer(to: attributes) { attributes in
                let target = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
                return isPlus
                    ? unsafe musicfs_add_entry_plus(raw, target, buffer.count, name, attributes, off_t(cookie))
                    : unsafe musicfs_add_entry(raw, target, buffer.count, name, attributes, off_t(cookie))
            }
        }
    }

    /// Leaves the answer to the next server, which finds the request in the journal. What libfuse holds for it goes with
    /// this process.
    consuming func leaveToSuccessor() { discard self }

    /// For an answer that another thread gives later.
    ///
    /// - Parameter thread: the one that took it.
    consuming func deferred(_ thread: LoopThread) -> DeferredRequest {
        let unique = self.unique
        let raw = unsafe self.raw
        let (operation, start) = (self.operation, self.start)
        discard self
        thread.isDeferred = true
        return unsafe DeferredRequest(
            raw, unique: unique, operation, start: start, thread.session.fileSystem.statistics)
    }
}

/// A request on its way to another thread. `take` gives it out once; if nobody does, it is answered EIO.
@safe final class DeferredRequest: Sendable {
    // The pointer is libfuse's and may be used from any thread; `isTaken` lets only one have it.
    private nonisolated(unsafe) let raw: fuse_req_t
    let unique: UInt64
    private let isTaken = Atomic(false)
    private let operation: FileSystemStatistics.Operation
    private let start: UInt64
    private let statistics: FileSystemStatistics

    fileprivate init(
        _ raw: fuse_req_t, unique: UInt64, _ operation: FileSystemStatistics.Operation, start: UInt64,
        _ statistics: FileSystemStatistics
    ) {
        unsafe self.raw = unsafe raw
        self.unique = unique
        self.operation = operation
        self.start = start
        self.statistics = statistics
    }

    /// - Parameter isAnswered: whether it is answered next, rather than deferred again.
    func take(isAnswered: Bool = true) -> Request? {
        if isTaken.exchange(true, ordering: .acquiringAndReleasing) { return nil }
        if isAnswered { noteAnswer() }
        return unsafe Request(raw, unique: unique, operation, start: start)
    }

    /// For the statistics.
    func noteAnswer() { statistics.recordAnswer(operation, nanoseconds: monotonicNanoseconds() &- start) }

    deinit {
        if !isTaken.load(ordering: .acquiring) { unsafe fuse_reply_err(raw, Errno.io.rawValue) }
    }
}
