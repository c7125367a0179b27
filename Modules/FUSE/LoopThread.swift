import MusicFSCache

/// What one thread of the request loop owns.
@safe final class LoopThread {
    let index: Int
    let reader: TreeReader
    let session: FUSESession
    /// For replies; as large as the largest read.
    nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer
    /// The request that the thread is handing to libfuse.
    var unique: UInt64 = 0
    /// Until when the request at hand may wait for the library; nil where it has not waited yet.
    var deadline: UInt64?
    /// Whether another thread answers it.
    var isDeferred = false

    static let bufferSize = 1 << 20

    init(index: Int, reader: TreeReader, session: FUSESession) {
        self.index = index
        self.reader = reader
        self.session = session
        unsafe buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LoopThread.bufferSize, alignment: 4096)
    }

    deinit { unsafe buffer.deallocate() }
}

extension Request {
    /// The first `count` bytes of the thread's buffer.
    consuming func reply(listing count: Int, of thread: LoopThread) {
        unsafe reply(bytes: UnsafeRawBufferPointer(rebasing: thread.buffer[..<count]))
    }
}
