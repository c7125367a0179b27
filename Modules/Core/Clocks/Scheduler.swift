package import MusicFSSystem

/// Calls things later: one thread for all of them. It ends when the last reference goes.
package final class Scheduler: Sendable {
    private let core: SchedulerCore
    private let clock: any MonotonicClock

    package init(clock: any MonotonicClock = SystemClock()) throws(SystemError) {
        self.clock = clock
        let core = SchedulerCore()
        self.core = core
        try startThread("scheduler") { core.run(clock) }
    }

    deinit { core.close() }

    /// Calls `body` on the scheduler's thread once `delay` has passed; it must not block. Nothing is called after the
    /// scheduler has gone. Cost: proportional to the number that wait.
    package func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        core.add(SchedulerCore.Entry(time: clock.deadline(after: delay), body: body))
    }
}

private final class SchedulerCore: Sendable {
    struct Entry: Sendable {
        var time: UInt64
        var body: @Sendable () -> Void
    }

    private struct State: Sendable {
        /// The next one comes last.
        var entries: [Entry] = []
        var isClosed = false
    }

    private let state = Condition(State())

    func add(_ entry: Entry) {
        state.withLock { state in
            let index = state.entries.firstIndex { $0.time <= entry.time } ?? state.entries.endIndex
            state.entries.insert(entry, at: index)
        }
        state.signal()
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            state.entries = []
        }
        state.signal()
    }

    func run(_ clock: any MonotonicClock) {
        while true {
            let next = state.withLock { $0.isClosed ? nil : $0.entries.last?.time ?? .max }
            guard let next else { return }
            let due = clock.wait(on: state, until: next) { state -> [Entry]? in
                if state.isClosed { return [] }
                let now = clock.now
                guard let first = state.entries.last else { return next == .max ? nil : [] }
                if first.time > now { return first.time < next ? [] : nil }
                let index = state.entries.firstIndex { $0.time <= now } ?? state.entries.endIndex
                defer { state.entries.removeSubrange(index...) }
                return state.entries[index...].reversed()
            }
            for entry in due ?? [] { entry.body() }
        }
    }
}
