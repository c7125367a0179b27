import MusicFSSystem
import Synchronization

/// What the body of a task has to do with its supervisor. Beats and waits belong to the task's own thread.
package final class TaskContext: Sendable {
    private struct State: Sendable {
        var cancelled = false
        var ended = false
        var onCancel: [@Sendable () -> Void] = []
    }

    package let name: String
    private let clock: any MonotonicClock
    private let state = Condition(State())
    private let cancelled = Atomic(false)
    /// `waiting`, or when the task last gave a sign of life.
    private let beatTime: Atomic<UInt64>
    private static let waiting = UInt64.max

    init(name: String, clock: any MonotonicClock) {
        self.name = name
        self.clock = clock
        beatTime = Atomic(clock.now)
    }

    /// Whether the task shall end soon. Costs one atomic load.
    package var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    /// Tells that the task makes progress. Costs a clock reading and an atomic store.
    package func beat() { beatTime.store(clock.now, ordering: .relaxed) }

    /// Waits, unless the task is cancelled; no beat is missed meanwhile.
    ///
    /// - Returns: whether the time passed without a cancellation.
    package func wait(for duration: Duration) -> Bool {
        let deadline = clock.deadline(after: duration)
        beatTime.store(Self.waiting, ordering: .relaxed)
        defer { beat() }
        return clock.wait(on: state, until: deadline) { $0.cancelled ? true : nil } == nil
    }

    /// Calls `handler` once when the task is cancelled, on the thread that cancels it, or at once if it already was:
    /// for waking what the task blocks in. Handlers of a run that ended are forgotten.
    package func onCancel(_ handler: @escaping @Sendable () -> Void) {
        let already = state.withLock { state in
            if !state.cancelled { state.onCancel.append(handler) }
            return state.cancelled
        }
        if already { handler() }
    }

    /// Nil while the task waits.
    var lastBeat: UInt64? {
        let time = beatTime.load(ordering: .relaxed)
        return time == Self.waiting ? nil : time
    }

    func cancel() {
        let handlers = state.withLock { state in
            defer {
                state.cancelled = true
                state.onCancel = []
            }
            cancelled.store(true, ordering: .releasing)
            return state.onCancel
        }
        state.broadcast()
        for handler in handlers { handler() }
    }

    /// One run of the body is over.
    func runEnded() { state.withLock { $0.onCancel = [] } }

    /// The task's thread is about to end.
    func taskEnded() {
        state.withLock { $0.ended = true }
        state.broadcast()
    }

    /// Waits until the task's thread is about to end; false when `deadline` passed first.
    func waitUntilEnded(_ deadline: UInt64) -> Bool {
        clock.wait(on: state, until: deadline) { $0.ended ? true : nil } != nil
    }
}
