import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCore

/// Memory for reads that is used again.
@Suite struct MemoryPoolTests {
    private let large = 2 << 20

    @Test func whatWasGivenBackIsUsedAgain() throws {
        let pool = MemoryPool(limit: 8 << 20, timer: try DeadlineTimer())
        var bytes: ContentBytes? = pool.take(large)
        let address = unsafe bytes?.buffer.baseAddress
        // A part keeps all of it.
        var part = bytes?.slice(0..<10)
        bytes = nil
        #expect(pool.unusedBytes == 0)
        part = nil
        #expect(part == nil && pool.unusedBytes == large)
        #expect(unsafe pool.take(large).buffer.baseAddress == address)
        // Of another size there is none.
        let other = pool.take(large / 2)
        #expect(unsafe other.buffer.count == large / 2 && pool.unusedBytes == large)
    }

    @Test func noMoreIsKeptThanTheLimitAndNothingForLong() throws {
        let pool = MemoryPool(limit: Int64(2 * large), timer: try DeadlineTimer())
        do {
            let many = (0..<4).map { _ in pool.take(large) }
            #expect(pool.unusedBytes == 0)
            withExtendedLifetime(many) {}
        }
        #expect(pool.unusedBytes == 2 * large)
        let end = monotonicNanoseconds() + 20_000_000_000
        while pool.unusedBytes > 0, monotonicNanoseconds() < end { _ = pollReadable([], milliseconds: 10) }
        #expect(pool.unusedBytes == 0)
    }

    @Test func allIsGivenBackAtOnceWhereMemoryIsShort() throws {
        let pool = MemoryPool(limit: 8 << 20, timer: try DeadlineTimer())
        do { _ = pool.take(large) }
        pool.empty()
        #expect(pool.unusedBytes == 0)
    }
}
