package import MusicFSSystem
import Synchronization

/// Something with deadlines.
protocol DeadlineTarget: AnyObject, Sendable {
    /// Deals with what is past its deadline; called on the timer's thread.
    ///
    /// - Returns: the next deadline, or `.max`.
    func expire(now: UInt64) -> UInt64
}

/// One thread that enforces the deadlines of all lanes. It ends when the last reference goes.
package final class DeadlineTimer: Sendable {
    let clock: any MonotonicClock
    private let core = DeadlineTimerCore()

    package init(clock: any MonotonicClock = SystemClock()) throws(SystemError) {
        self.clock = clock
        let core = self.core
        try startThread("deadlines") { core.run(clock) }
    }

    deinit { core.close() }

    /// Watches the target as long as it lives.
    func add(_ target: any DeadlineTarget) { core.add(target) }

    /// Has the timer look at its targets not later than `deadline`. Mostly an atomic load, since the timer mostly
    /// wakes for an earlier one: one that was met is not taken back.
    func note(_ deadline: UInt64) { core.note(deadline) }
}

private final class DeadlineTimerCore: Sendable {
    private struct Reference: Sendable {
        weak let target: (any DeadlineTarget)?
    }

    private struct State: Sendable {
        var targets: [Reference] = []
        var wakeAt = UInt64.max
        var closed = false
    }

    private enum Wake { case closed, earlier }

    private let state = Condition(State())
    /// A copy of `wakeAt`, to be read without the lock.
    ///
    /// No deadline is missed: a target enters a deadline under its own lock before it is noted, and a round sets
    /// `wakeAt` to `.max` before it takes that lock. So either the round sees the deadline, or `note` sees what the
    /// round set, and both only lower it.
    private let planned = Atomic(UInt64.max)

    func add(_ target: any DeadlineTarget) {
        state.withLock { state in
            state.targets.removeAll { $0.target == nil }
            state.targets.append(Reference(target: target))
        }
    }

    func note(_ deadline: UInt64) {
        if deadline >= planned.load(ordering: .acquiring) { return }
        if lower(to: deadline) { state.signal() }
    }

    func close() {
        state.withLock { $0.closed = true }
        state.signal()
    }

    func run(_ clock: any MonotonicClock) {
        repeat { look(now: clock.now) } while sleep(clock)
    }

    /// Looks at all targets once. Holds on to none of them afterwards: a lane holds the timer.
    private func look(now: UInt64) {
        let targets = state.withLock { state in
            state.wakeAt = .max
            planned.store(.max, ordering: .releasing)
            return state.targets.compactMap(\.target)
        }
        lower(to: targets.reduce(UInt64.max) { min($0, $1.expire(now: now)) })
    }

    /// Sleeps until the next deadline; false when the timer was closed.
    private func sleep(_ clock: any MonotonicClock) -> Bool {
        var wakeAt = state.withLock { $0.wakeAt }
        while true {
            let wake = clock.wait(on: state, until: wakeAt) { state -> Wake? in
                if state.closed { return .closed }
                if state.wakeAt == wakeAt { return nil }
                wakeAt = state.wakeAt
                return .earlier
            }
            switch wake {
            case .closed: return false
            case .earlier: continue
            case nil: return true
            }
        }
    }

    /// - Returns: whether the timer has to wake earlier than before.
    @discardableResult
    private func lower(to deadline: UInt64) -> Bool {
        state.withLock { state in
            guard deadline < state.wakeAt else { return false }
            state.wakeAt = deadline
            planned.store(deadline, ordering: .releasing)
            return true
        }
    }
}
