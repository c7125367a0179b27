package import MusicFSSystem

/// How the bytes of a version reach the kernel.
package enum ReadPlan: UInt8, Hashable, Sendable {
    /// The daemon reads the origin's file.
    case direct = 1
    /// The kernel reads the origin's file itself.
    case passthrough = 2
    /// The daemon reads the chunk store, and on a miss an origin.
    case cached = 3
}

/// Why content cannot be had.
package enum ContentError: Error, Hashable, Sendable {
    /// The file is no longer what the version says, or gone; the library has been told, so that a new lookup finds
    /// what there is now. Answered with ESTALE.
    case changed
    /// The origin cannot be reached, or its deadline has passed. Answered with EIO.
    case unreachable
    case failed(Errno)

    package var errno: Errno {
        switch self {
        case .changed: .stale
        case .unreachable: .io
        case .failed(let errno): errno
        }
    }
}

/// Bytes of one open content version.
package protocol OpenContent: AnyObject, Sendable {
    /// The open file of a local disk, which the kernel may read itself; nil for what is read through the chunk store.
    var descriptor: SharedFD? { get }
    /// Reads without waiting: nil when that would block or is not supported, or when it came short.
    /// Fills `buffer` completely, since the caller clamps it to the version's size.
    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int?
    /// Reads on the origin's lane; `completion` is called exactly once, on any thread, before the deadline.
    func read(
        at offset: Int64, count: Int,
        completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void)
}

/// Bytes that were read, owned until the last reference goes.
@safe package final class ContentBytes: Sendable {
    package nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer
    /// Who owns the memory where that is not this.
    private let owner: (any Sendable & AnyObject)?

    /// Takes ownership of `buffer`, which was allocated with `UnsafeMutableRawBufferPointer.allocate`.
    ///
    /// Sendable because nobody writes to the buffer after it was handed over.
    package init(owning buffer: UnsafeMutableRawBufferPointer) {
        unsafe self.buffer = buffer
        owner = nil
    }

    /// Lends a part of what `owner` keeps alive and unchanged; nothing is copied.
    package init(lending buffer: UnsafeMutableRawBufferPointer, of owner: any Sendable & AnyObject) {
        unsafe self.buffer = buffer
        self.owner = owner
    }

    deinit { if owner == nil { unsafe buffer.deallocate() } }

    /// A part of these bytes, not copied; nil where they do not reach so far.
    package func slice(_ range: Range<Int>) -> ContentBytes? {
        guard range.lowerBound >= 0, unsafe range.upperBound <= buffer.count else { return nil }
        return unsafe ContentBytes(lending: UnsafeMutableRawBufferPointer(rebasing: buffer[range]), of: owner ?? self)
    }
}
