import MusicFSCore
import MusicFSSystem
import Synchronization

/// One limit for all bytes that are fetched, waiting to be stored, or kept for readers (`cache.memory`).
///
/// What is reserved goes back when the last reference to a `Reservation` goes. What somebody waits for goes before what
/// is fetched ahead: the latter is refused when there is no room, the former waits its turn.
package final class BufferBudget: Sendable {
    private let full: Int64
    private let state: Mutex<State>

    private struct State {
        /// How much may be in use; less than `full` while memory is short.
        var limit: Int64
        /// Whether nothing is fetched ahead.
        var refusesAhead = false
        var used: Int64 = 0
        var waiting: [(count: Int64, ready: @Sendable (Reservation) -> Void)] = []

        var roomAhead: Int64 { refusesAhead || !waiting.isEmpty ? 0 : max(0, limit / 4 * 3 - used) }
    }

    package init(limit: Int64) {
        full = max(limit, 4 << 20)
        state = Mutex(State(limit: full))
    }

    /// Bytes that may be in use now.
    package var limit: Int64 { state.withLock { $0.limit } }

    /// While memory is short a quarter of the limit is left. What is in use beyond that stays until it is given back.
    package func setShort(_ isShort: Bool) {
        state.withLock { $0.limit = isShort ? max(full / 4, 4 << 20) : full }
        for (count, ready) in takeDue() { ready(Reservation(self, count)) }
    }

    package var isShort: Bool { state.withLock { $0.limit < full } }

    /// Whether what nobody waits for is refused: while descriptors are short.
    package var refusesAhead: Bool {
        get { state.withLock { $0.refusesAhead } }
        set { state.withLock { $0.refusesAhead = newValue } }
    }

    package var used: Int64 { state.withLock { $0.used } }

    /// For what is fetched ahead, which leaves a quarter to those who wait: each count by itself, or nil when there is no
    /// room for all, or somebody waits.
    func reserve(_ counts: [Int]) -> [Reservation]? {
        let count = counts.reduce(0) { $0 + Int64($1) }
        let isTaken = state.withLock { state in
            guard count <= state.roomAhead else { return false }
            state.used += count
            return true
        }
        return isTaken ? counts.map { Reservation(self, Int64($0)) } : nil
    }

    func reserve(_ count: Int) -> Reservation? { reserve([count])?.first }

    /// Calls `ready` once there is room, in the order of asking; at once and on this thread if there is. More than half
    /// of the limit at once is reserved as half of it, so that everybody's turn comes.
    func reserve(_ count: Int, ready: @escaping @Sendable (Reservation) -> Void) {
        let (wanted, isTaken) = state.withLock { state in
            let wanted = min(Int64(count), state.limit / 2)
            if state.waiting.isEmpty, state.used + wanted <= state.limit {
                state.used += wanted
                return (wanted, true)
            }
            state.waiting.append((wanted, ready))
            return (wanted, false)
        }
        if isTaken { ready(Reservation(self, wanted)) }
    }

    /// Bytes that may be fetched ahead now.
    var roomAhead: Int64 { state.withLock { $0.roomAhead } }

    var hasWaiting: Bool { state.withLock { !$0.waiting.isEmpty } }

    fileprivate func giveBack(_ count: Int64) {
        state.withLock { $0.used -= count }
        for (count, ready) in takeDue() { ready(Reservation(self, count)) }
    }

    /// Those whose turn has come, with their share taken. One that asked for more than there may be now, before memory
    /// became short, comes when nothing else is in use.
    private func takeDue() -> [(count: Int64, ready: @Sendable (Reservation) -> Void)] {
        state.withLock { state in
            var due: [(count: Int64, ready: @Sendable (Reservation) -> Void)] = []
            while let next = state.waiting.first, state.used == 0 || state.used + next.count <= state.limit {
                state.used += next.count
                due.append(state.waiting.removeFirst())
            }
            return due
        }
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
