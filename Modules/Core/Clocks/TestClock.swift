package import MusicFSSystem
import Synchronization

/// A clock that stands still until it is advanced: the way to test what waits, without waiting.
package final class TestClock: MonotonicClock {
    private struct Waiter: Sendable {
        var deadline: UInt64
        var wake: @Sendable () -> Void
    }

    private struct State: Sendable {
        var waiters: [Int: Waiter] = [:]
        var lastID = 0
    }

    private let time: Atomic<UInt64>
    private let state = Condition(State())

    package init(now: UInt64 = 1_000_000_000) { time = Atomic(now) }

    package var now: UInt64 { time.load(ordering: .sequentiallyConsistent) }

    /// Moves the time on and wakes everyone whose deadline may have passed.
    package func advance(by duration: Duration) {
        time.add(duration.nanoseconds, ordering: .sequentiallyConsistent)
        for waiter in state.withLock({ Array($0.waiters.values) }) { waiter.wake() }
    }

    /// Waits, in real time, until at least `count` threads wait on this clock for a moment that is to come and not
    /// further away than `horizon`, so that advancing reaches them.
    ///
    /// - Returns: false when that did not come about within 10 s.
    package func hasWaiters(_ count: Int = 1, within horizon: Duration = .seconds(86400)) -> Bool {
        let (now, latest) = (self.now, deadline(after: horizon))
        return state.wait(until: monotonicNanoseconds() + 10_000_000_000) { state in
            state.waiters.values.count { $0.deadline > now && $0.deadline <= latest } >= count ? true : nil
        } ?? false
    }

    package func wait<S: Sendable, R>(
        on condition: Condition<S>, until deadline: UInt64, _ body: (inout S) -> R?
    ) -> R? {
        // Taking the lock before the signal means that the waiter either has not looked at the time yet or waits.
        let waiter = Waiter(deadline: deadline) {
            condition.withLock { _ in }
            condition.broadcast()
        }
        let id = state.withLock { state in
            state.lastID += 1
            state.waiters[state.lastID] = waiter
            return state.lastID
        }
        state.broadcast()
        defer { state.withLock { $0.waiters[id] = nil } }
        let outcome: R? = condition.wait { state -> R?? in
            if let result = body(&state) { return .some(result) }
            return now >= deadline ? .some(nil) : nil
        }
        return outcome
    }
}
