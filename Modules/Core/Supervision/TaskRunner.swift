import MusicFSSystem
import Synchronization

/// One supervised task: its thread's loop, and what is known of it.
///
/// A thread that is stuck cannot be ended. The task then gets another one, with a context of its own; the old one is
/// cancelled, so that it ends when it comes back, and nobody asks any more how.
final class TaskRunner: Sendable {
    typealias Body = @Sendable (TaskContext) throws -> TaskExit

    private struct State: Sendable {
        var machine: TaskMachine
        /// Nanoseconds since 1970.
        var since: Int64
        /// Of the thread that counts.
        var context: TaskContext
        var isCancelled = false
    }

    let name: String
    private let body: Body
    private let beatLimit: Duration
    private let clock: any MonotonicClock
    private let report: @Sendable (TaskStatus) -> Void
    private let state: Mutex<State>

    init(
        name: String, critical: Bool, restarts: Bool, beatLimit: Duration, policy: RestartPolicy,
        clock: any MonotonicClock,
        report: @escaping @Sendable (TaskStatus) -> Void, body: @escaping Body
    ) {
        self.name = name
        self.beatLimit = beatLimit
        self.clock = clock
        self.report = report
        self.body = body
        let machine = TaskMachine(critical: critical, restarts: restarts, policy: policy, now: clock.now)
        let context = TaskContext(name: name, clock: clock)
        state = Mutex(State(machine: machine, since: wallClockNanoseconds(), context: context))
    }

    var status: TaskStatus { state.withLock { describe($0) } }

    /// Starts the first thread.
    func start() throws(SystemError) {
        let context = state.withLock { $0.context }
        try startThread(name.threadName) { [self] in
            report(status)
            run(context)
        }
    }

    /// Has the task end.
    func cancel() {
        let context = state.withLock { state in
            state.isCancelled = true
            return state.context
        }
        context.cancel()
    }

    /// Waits until the task's thread is about to end; false when `deadline` passed first.
    func waitUntilEnded(_ deadline: UInt64) -> Bool { state.withLock { $0.context }.waitUntilEnded(deadline) }

    /// A thread of the task: runs the body until it need not be run again, or another thread has taken its place.
    private func run(_ context: TaskContext) {
        defer { context.taskEnded() }
        while true {
            let ending: TaskMachine.Ending
            do {
                let attempt = status.attempt
                ending = .exited(try TaskFailpoint.exit(of: name, attempt: attempt) ?? body(context))
            } catch { ending = .threw("\(error)") }
            context.runEnded()
            let cancelled = context.isCancelled
            let decision = change(context) { $0.ended(ending, cancelled: cancelled, now: clock.now) }
            guard case .restart(let delay) = decision, rest(context, delay) else { return }
        }
    }

    /// Waits before a restart.
    ///
    /// - Returns: whether the body is to be run again.
    private func rest(_ context: TaskContext, _ delay: Duration) -> Bool {
        guard context.wait(for: delay) else {
            change(context) { $0.cancelledBeforeRestart() }
            return false
        }
        return change(context) { $0.restarted(now: clock.now) } != nil
    }

    /// Looks at the last beat, and replaces a task that is stuck, if it is one to be restarted.
    func check() {
        let changed = state.withLock { state -> TaskStatus? in
            let limit = TaskFailpoint.beatLimit(of: name, attempt: state.machine.attempt) ?? beatLimit
            let lastBeat = state.context.lastBeat
            guard state.machine.checked(lastBeat: lastBeat, limit: limit, now: clock.now) else { return nil }
            state.since = wallClockNanoseconds()
            return describe(state)
        }
        guard let changed else { return }
        report(changed)
        if changed.state == .stuck { replace { $0.givenUp(now: clock.now) } }
    }

    /// Starts a task that has failed for good anew; nothing happens to one that has not.
    func revive() { replace { $0.revived(now: clock.now) ? .restart(after: .zero) : .rest } }

    /// Gives the task another thread, if `decide` says so.
    private func replace(_ decide: (inout TaskMachine) -> TaskMachine.Decision) {
        let next = TaskContext(name: name, clock: clock)
        let (delay, before, status) = state.withLock { state -> (Duration?, TaskContext, TaskStatus) in
            let before = state.context
            guard !state.isCancelled, case .restart(let delay) = decide(&state.machine) else {
                return (nil, before, describe(state))
            }
            state.since = wallClockNanoseconds()
            state.context = next
            return (delay, before, describe(state))
        }
        guard let delay else { return }
        report(status)
        // Wakes what it may be blocked in.
        before.cancel()
        do throws(SystemError) {
            try startThread(name.threadName) { [self] in
                if status.state == .running || rest(next, delay) { run(next) } else { next.taskEnded() }
            }
        } catch {
            change(next) { $0.refused("\(error)") }
            next.taskEnded()
        }
    }

    /// - Returns: nil when another thread has taken the place of the one with this context.
    @discardableResult
    private func change<R: Sendable>(_ context: TaskContext, _ transition: (inout TaskMachine) -> R) -> R? {
        let changed = state.withLock { state -> (result: R, status: TaskStatus)? in
            guard state.context === context else { return nil }
            let result = transition(&state.machine)
            state.since = wallClockNanoseconds()
            return (result, describe(state))
        }
        guard let changed else { return nil }
        report(changed.status)
        return changed.result
    }

    private func describe(_ state: State) -> TaskStatus {
        TaskStatus(
            name: name, critical: state.machine.critical, state: state.machine.state,
            attempt: state.machine.attempt, since: state.since, reason: state.machine.reason)
    }
}
