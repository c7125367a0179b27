package import MusicFSSystem
import Synchronization

/// Why a task was not started.
package enum TaskSupervisorError: Error, Hashable, Sendable, CustomStringConvertible {
    case duplicate(name: String)
    /// After `cancelAll`.
    case stopping(name: String)
    case thread(name: String, SystemError)

    package var description: String {
        switch self {
        case .duplicate(let name): "the task \"\(name)\" runs already; stop it first"
        case .stopping(let name): "the task \"\(name)\" cannot start: the program is stopping"
        case .thread(let name, let error):
            "no thread for the task \"\(name)\": \(error); check the limit of tasks (ulimit -u, TasksMax)"
        }
    }
}

/// Runs every long-running task of the program on a thread of its own, and knows how each fares.
///
/// A task that throws or ends early is started again, by `RestartPolicy`, unless it is one to be run once. A task without a beat for longer
/// than its limit is reported as stuck. Nothing can end its thread: one to be restarted is told to end and another is started
/// in its place, so the body must bear that a run which was cancelled goes on beside the next for a
/// while. A task that traps takes the program with it.
package final class TaskSupervisor: Sendable {
    private struct State {
        /// In the order of their starts.
        var runners: [TaskRunner] = []
        var stopping = false
    }

    private let clock: any MonotonicClock
    private let policy: RestartPolicy
    private let logger: Logger
    private let onTransition: @Sendable (TaskStatus) -> Void
    private let state = Mutex(State())
    /// Turns true when the checking thread shall end.
    private let halt = Condition(false)

    /// - Parameters:
    ///   - checkInterval: how often beats are looked at.
    ///   - onTransition: called after each change of a task's state, on the task's thread or the checking one, so two
    ///     calls may overtake each other: `tasks` has the truth. Must not block.
    /// - Throws: when the thread that checks cannot be started.
    package init(
        clock: any MonotonicClock = SystemClock(), policy: RestartPolicy = RestartPolicy(),
        checkInterval: Duration = .seconds(30), logger: Logger,
        onTransition: @escaping @Sendable (TaskStatus) -> Void = { _ in }
    ) throws(SystemError) {
        self.clock = clock
        self.policy = policy
        self.logger = logger
        self.onTransition = onTransition
        let halt = self.halt
        try startThread("supervisor") { [weak self] in
            while clock.wait(on: halt, until: clock.deadline(after: checkInterval), { $0 ? true : nil }) == nil {
                self?.check()
            }
        }
    }

    deinit {
        halt.withLock { $0 = true }
        halt.broadcast()
    }

    /// Starts a task on a new thread. A name can be used again once the task that had it has finished or failed.
    ///
    /// - Parameters:
    ///   - critical: the mount is degraded while it does not run. Implies `restarts`.
    ///   - restarts: it is started again when it ended too early or is stuck.
    ///   - beatLimit: how long the task may go without a beat, waits of its context aside.
    package func start(
        _ name: String, critical: Bool = false, restarts: Bool = false, beatLimit: Duration = .seconds(120),
        body: @escaping @Sendable (TaskContext) throws -> TaskExit
    ) throws(TaskSupervisorError) {
        let runner = TaskRunner(
            name: name, critical: critical, restarts: critical || restarts, beatLimit: beatLimit, policy: policy,
            clock: clock,
            report: { [logger, onTransition] in report($0, logger, onTransition) }, body: body)
        // It is known before it runs, so that a task that ends at once is not entered after its end.
        try state.withLock { state throws(TaskSupervisorError) in
            if state.stopping { throw .stopping(name: name) }
            if let index = state.runners.firstIndex(where: { $0.name == name }) {
                guard state.runners[index].status.state.isEnd else { throw .duplicate(name: name) }
                state.runners.remove(at: index)
            }
            state.runners.append(runner)
        }
        do throws(SystemError) {
            try runner.start()
        } catch {
            state.withLock { $0.runners.removeAll { $0 === runner } }
            throw .thread(name: name, error)
        }
    }

    /// All tasks in the order of their starts, ended ones included.
    package var tasks: [TaskStatus] { state.withLock { $0.runners }.map(\.status) }

    /// Looks for missing beats now; the supervisor's own thread does so periodically.
    package func check() {
        for runner in state.withLock({ $0.runners }) { runner.check() }
    }

    /// Starts a task anew that has failed for good: what it needs is back.
    package func revive(_ name: String) { state.withLock { $0.runners.first { $0.name == name } }?.revive() }

    /// Cancels one task and waits for its end.
    ///
    /// - Returns: whether it ended in time, or there is none.
    @discardableResult
    package func stop(_ name: String, deadline: Duration) -> Bool {
        guard let runner = state.withLock({ $0.runners.first { $0.name == name } }) else { return true }
        runner.cancel()
        return runner.waitUntilEnded(clock.deadline(after: deadline))
    }

    /// Cancels all tasks, the last started first, each after the one before has ended, so that none loses what it
    /// builds on. One that does not end keeps the others waiting for at most half of the time that is left. No task
    /// can be started afterwards.
    ///
    /// - Returns: the names of the tasks that had not ended at the deadline.
    package func cancelAll(deadline: Duration) -> [String] {
        let end = clock.deadline(after: deadline)
        let runners = state.withLock { state in
            state.stopping = true
            return Array(state.runners.reversed())
        }
        var late: [TaskRunner] = []
        for runner in runners {
            let begin = clock.now
            runner.cancel()
            let share = begin < end ? begin + (end - begin) / 2 : end
            if !runner.waitUntilEnded(share) {
                late.append(runner)
                continue
            }
            let milliseconds = (clock.now - begin) / 1_000_000
            logger.debug(
                "task stopped",
                metadata: ["task": .string(runner.name), "duration_ms": .stringConvertible(milliseconds)])
        }
        let names = late.filter { !$0.waitUntilEnded(end) }.map(\.name)
        for name in names { logger.warning("task did not stop in time", metadata: ["task": .string(name)]) }
        return names
    }
}

private func report(_ status: TaskStatus, _ logger: Logger, _ onTransition: @Sendable (TaskStatus) -> Void) {
    var metadata: Logger.Metadata = ["task": .string(status.name), "state": .string(status.state.rawValue)]
    if status.attempt > 0 { metadata["attempt"] = .stringConvertible(status.attempt) }
    if let reason = status.reason, ![.running, .finished].contains(status.state) {
        metadata["error"] = .string(reason)
    }
    let level: Logger.Level =
        switch status.state {
        case .running, .finished: .info
        case .stuck, .restarting: .warning
        case .failed: .error
        }
    logger.log(level: level, "task changed state", metadata: metadata)
    onTransition(status)
}

extension TaskState {
    fileprivate var isEnd: Bool { self == .failed || self == .finished }
}
