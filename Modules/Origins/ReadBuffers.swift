/// Where the bytes of one read go: buffers that are filled one after the other, each of which is handed out while those
/// behind it are still empty. Touched by one thread at a time, and by none where that was given up.
@safe package final class ReadBuffers {
    /// Bytes that there is room for, in all buffers together.
    package let count: Int
    /// Bytes that are there, from the first buffer's beginning on; they are not touched again.
    package private(set) var filled = 0
    private let buffers: [UnsafeMutableRawBufferPointer]
    private let onFull: (Int) -> Void
    /// Which buffer is being filled, and how far.
    private var current = 0
    private var used = 0

    /// - Parameters:
    ///   - buffers: none of them empty; each stays until it is full, or this is gone.
    ///   - onFull: called with the number of each buffer that is full.
    package init(_ buffers: [UnsafeMutableRawBufferPointer], onFull: @escaping (Int) -> Void) {
        unsafe self.buffers = buffers
        self.onFull = onFull
        count = unsafe buffers.reduce(0) { $0 + $1.count }
    }

    package var isFull: Bool { filled == count }

    /// The room that is left in the present buffer; nothing where all are full.
    package var room: UnsafeMutableRawBufferPointer {
        guard unsafe current < buffers.count else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffers[current][used...])
    }

    /// So many bytes were put into `room`.
    package func advance(_ count: Int) {
        filled += count
        used += count
        guard unsafe current < buffers.count, unsafe used == buffers[current].count else { return }
        (current, used) = (current + 1, 0)
        onFull(current - 1)
    }

    /// Copies bytes to where there is room.
    ///
    /// - Returns: false, with nothing copied, where there is not enough.
    package func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= count - filled else { return false }
        var rest = unsafe bytes[...]
        while unsafe !rest.isEmpty {
            let part = unsafe rest.prefix(room.count)
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            unsafe rest = rest.dropFirst(part.count)
            unsafe advance(part.count)
        }
        return true
    }
}
