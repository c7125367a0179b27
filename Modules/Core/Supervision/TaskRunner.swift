import MusicFSSystem
import Synchronization

/// One supervised task: its thread's loop, and what is known of it.
final class TaskRunner: Sendable {
    typealias Body = @Sendable (TaskContext) throws -> TaskExit

    private struct State: Sendable {
        var machine: TaskMachine
        /// Nanoseconds since 1970.
        var since: Int64
    }

    let context: TaskContext
    private let body: Body
    private let beatLimit: Duration
    private let clock: any MonotonicClock
    private let report: @Sendable (TaskStatus) -> Void
    private let state: Mutex<State>

    init(
        context: TaskContext, critical: Bool, beatLimit: Duration, policy: RestartPolicy, clock: any MonotonicClock,
        report: @escaping @Sendable (TaskStatus) -> Void, body: @escaping Body
    ) {
        self.context = context
        self.beatLimit = beatLimit
        self.clock = clock
        self.report = report
        self.body = body
        let machine = TaskMachine(critical: critical, policy: policy, now: clock.now)
        state = Mutex(State(machine: machine, since: wallClockNanoseconds()))
    }

    var status: TaskStatus { state.withLock { describe($0) } }

    /// The task's thread: runs the body until it need not be run again.
    func run() {
        report(status)
        while true {
            let ending: TaskMachine.Ending
            do { ending = .exited(try body(context)) } catch { ending = .threw("\(error)") }
            context.runEnded()
            let cancelled = context.isCancelled
            let decision = change { $0.ended(ending, cancelled: cancelled, now: clock.now) }
            guard case .restart(let delay) = decision else { break }
            guard context.wait(for: delay) else {
                change { $0.cancelledBeforeRestart() }
                break
            }
            change { $0.restarted(now: clock.now) }
        }
        context.taskEnded()
    }

    /// Looks at the last beat.
    func check() {
        let lastBeat = context.lastBeat
        let changed = state.withLock { state -> TaskStatus? in
            guard state.machine.checked(lastBeat: lastBeat, limit: beatLimit, now: clock.now) else { return nil }
            state.since = wallClockNanoseconds()
            return describe(state)
        }
        if let changed { report(changed) }
    }

    @discardableResult
    private func change<R: Sendable>(_ transition: (inout TaskMachine) -> R) -> R {
        let (result, status) = state.withLock { state in
            let result = transition(&state.machine)
            state.since = wallClockNanoseconds()
            return (result, describe(state))
        }
        report(status)
        return result
    }

    private func describe(_ state: State) -> TaskStatus {
        TaskStatus(
            name: context.name, critical: state.machine.critical, state: state.machine.state,
            attempt: state.machine.attempt, since: state.since, reason: state.machine.reason)
    }
}
