import MusicFSSystem
import Synchronization

/// Memory for what is read in large pieces, kept for a second after its last use: new memory costs more time to be cleared
/// than to be filled.
package final class MemoryPool: DeadlineTarget {
    private let timer: DeadlineTimer
    private let limit: Int
    private let state = Mutex(State())

    /// Less than this the allocator keeps by itself (bytes).
    private static let least = 256 << 10
    /// How long unused memory is kept (nanoseconds).
    private static let patience: UInt64 = 1_000_000_000

    private struct State {
        /// By their last use.
        var free: [(memory: LargeMemory, since: UInt64)] = []
        var bytes = 0

        /// Takes out what was last used then or before.
        mutating func take(before time: UInt64) -> [LargeMemory] {
            let old = free.prefix { $0.since <= time }.map(\.memory)
            free.removeFirst(old.count)
            bytes -= old.reduce(0) { unsafe $0 + $1.buffer.count }
            return old
        }
    }

    /// - Parameters:
    ///   - limit: bytes that are kept at most.
    ///   - timer: gives back what nobody used again.
    package init(limit: Int64, timer: DeadlineTimer) {
        self.limit = Int(clamping: limit)
        self.timer = timer
        timer.add(self)
    }

    /// Memory for so many bytes, of any content, which whoever asks for it fills before anybody else sees it.
    package func take(_ count: Int) -> ContentBytes {
        guard count >= Self.least, let memory = known(count) ?? LargeMemory(count: count) else {
            return unsafe ContentBytes(owning: .allocate(byteCount: count, alignment: 4096))
        }
        return unsafe ContentBytes(lending: memory.buffer, of: Loan(memory, self))
    }

    private func known(_ count: Int) -> LargeMemory? {
        state.withLock { state in
            guard let index = state.free.lastIndex(where: { unsafe $0.memory.buffer.count == count }) else {
                return nil
            }
            state.bytes -= count
            return state.free.remove(at: index).memory
        }
    }

    /// Gives back what was lent, once nobody has it any more.
    private final class Loan: Sendable {
        private let memory: LargeMemory
        private let pool: MemoryPool

        init(_ memory: LargeMemory, _ pool: MemoryPool) { (self.memory, self.pool) = (memory, pool) }

        deinit { pool.keep(memory) }
    }

    private func keep(_ memory: LargeMemory) {
        let now = timer.clock.now
        let isFirst = state.withLock { state in
            let count = unsafe memory.buffer.count
            guard state.bytes + count <= limit else { return false }
            state.free.append((memory, now))
            state.bytes += count
            return state.free.count == 1
        }
        if isFirst { timer.note(now &+ Self.patience) }
    }

    func expire(now: UInt64) -> UInt64 {
        let (old, next) = state.withLock { state in
            (state.take(before: now &- Self.patience), state.free.first.map { $0.since &+ Self.patience } ?? .max)
        }
        // Outside the lock: it takes the kernel a while.
        withExtendedLifetime(old) {}
        return next
    }

    /// Gives back all that nobody uses.
    package func empty() {
        let all = state.withLock { $0.take(before: .max) }
        withExtendedLifetime(all) {}
    }

    /// Bytes that are kept, and in nobody's use.
    package var unusedBytes: Int { state.withLock { $0.bytes } }
}
