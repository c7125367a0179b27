import MusicFSCore
import MusicFSSystem
import Synchronization

/// One limit for all bytes that are fetched, waiting to be stored, or kept for readers (`cache.memory`).
///
/// What is reserved goes back when the last reference to a `Reservation` goes. What somebody waits for goes before what
/// is fetched ahead: the latter is refused when there is no room, the former waits its turn.
package final class BufferBudget: Sendable {
    package let limit: Int64
    private let state: Mutex<State>

    private struct State {
        var used: Int64 = 0
        var waiting: [(count: Int64, ready: @Sendable (Reservation) -> Void)] = []
    }

    package init(limit: Int64) {
        self.limit = max(limit, 4 << 20)
        state = Mutex(State())
    }

    package var used: Int64 { state.withLock { $0.used } }

    /// For what is fetched ahead, which leaves a quarter to those who wait; nil when there is no room, or somebody waits.
    func reserve(_ count: Int) -> Reservation? {
        let isTaken = state.withLock { state in
            guard state.waiting.isEmpty, state.used + Int64(count) <= limit / 4 * 3 else { return false }
            state.used += Int64(count)
            return true
        }
        return isTaken ? Reservation(self, Int64(count)) : nil
    }

    /// Calls `ready` once there is room, in the order of asking; at once and on this thread if there is. More than half
    /// of the limit at once is reserved as half of it, so that everybody's turn comes.
    func reserve(_ count: Int, ready: @escaping @Sendable (Reservation) -> Void) {
        let wanted = min(Int64(count), limit / 2)
        let isTaken = state.withLock { state in
            if state.waiting.isEmpty, state.used + wanted <= limit {
                state.used += wanted
                return true
            }
            state.waiting.append((wanted, ready))
            return false
        }
        if isTaken { ready(Reservation(self, wanted)) }
    }

    var hasWaiting: Bool { state.withLock { !$0.waiting.isEmpty } }

    fileprivate func giveBack(_ count: Int64) {
        let due = state.withLock { state in
            state.used -= count
            var due: [(count: Int64, ready: @Sendable (Reservation) -> Void)] = []
            while let next = state.waiting.first, state.used + next.count <= limit {
                state.used += next.count
                due.append(state.waiting.removeFirst())
            }
            return due
        }
        for (count, ready) in due { ready(Reservation(self, count)) }
    }
}

/// A share of the budget, given back by its end.
final class Reservation: Sendable {
    private let budget: BufferBudget
    private let count: Int64

    fileprivate init(_ budget: BufferBudget, _ count: Int64) {
        self.budget = budget
        self.count = count
    }

    deinit { budget.giveBack(count) }
}

/// Bytes of a version that are in memory, with their share of the budget.
final class Block: Sendable {
    let range: Range<Int64>
    let bytes: ContentBytes
    private let reservation: Reservation

    init(range: Range<Int64>, bytes: ContentBytes, reservation: Reservation) {
        self.range = range
        self.bytes = bytes
        self.reservation = reservation
    }

    /// The part of the file's `range` that lies here, without a copy; it keeps the share reserved.
    func slice(_ part: Range<Int64>) -> ContentBytes? {
        guard part.lowerBound >= range.lowerBound, part.upperBound <= range.upperBound else { return nil }
        let from = Int(part.lowerBound - range.lowerBound)
        let buffer = unsafe UnsafeMutableRawBufferPointer(
            rebasing: bytes.buffer[from..<(from + Int(part.upperBound - part.lowerBound))])
        return unsafe ContentBytes(lending: buffer, of: self)
    }
}
