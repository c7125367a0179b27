import MusicFSCore
import MusicFSSystem
import Testing

@Suite struct TaskSupervisorTests {
    private struct Broken: Error, CustomStringConvertible {
        var description: String { "the origin is gone" }
    }

    private let clock = TestClock()
    private let transitions = Collected<TaskStatus>()

    private func supervisor(checkInterval: Duration = .seconds(30)) throws -> TaskSupervisor {
        let transitions = self.transitions
        return try TaskSupervisor(
            clock: clock, checkInterval: checkInterval, logger: .disabled, onTransition: { transitions.add($0) })
    }

    /// The threads that wait on the clock: the checking one, and so many tasks.
    private func hasWaitingTasks(_ count: Int) -> Bool { clock.hasWaiters(count + 1) }

    @Test func aCriticalTaskThatThrowsIsRestartedByTheSteps() throws {
        // The checks are far away, so that the next wait on the clock is the task's.
        let supervisor = try supervisor(checkInterval: .seconds(1_000_000))
        let runs = Collected<UInt64>()
        let clock = self.clock
        let begin = clock.now
        try supervisor.start("watcher", critical: true) { _ in
            runs.add(clock.now)
            throw Broken()
        }
        #expect(runs.values(2).count == 2, "the first restart does not wait")
        for delay in [1, 5, 30, 30] {
            #expect(clock.hasWaiters(within: .seconds(delay)))
            let before = runs.values.count
            clock.advance(by: .seconds(delay) - .nanoseconds(1))
            #expect(runs.values.count == before, "not before its time")
            clock.advance(by: .nanoseconds(1))
            #expect(runs.values(before + 1).count == before + 1)
        }
        let all = transitions.values(until: { $0.state == .failed })
        #expect(
            all.map(\.state) == [.running] + Array(repeating: [.restarting, .running], count: 5).joined() + [.failed])
        #expect(all.last?.attempt == 5)
        #expect(all.last?.reason == "the origin is gone")
        #expect(runs.values.map { ($0 - begin) / 1_000_000_000 } == [0, 0, 1, 6, 36, 66])
        #expect(supervisor.tasks.map(\.state) == [.failed])
    }

    @Test func anEarlyEndIsNoticedAndAWorkDoneIsNone() throws {
        let supervisor = try supervisor()
        let runs = Counter()
        try supervisor.start("health", critical: true) { context in
            runs.increment()
            if runs.value == 1 { return .stopped }
            while context.wait(for: .seconds(3600)) {}
            return .stopped
        }
        try supervisor.start("scan", critical: true) { _ in .finished }
        try supervisor.start("prefetch") { _ in .stopped }
        #expect(hasWaitingTasks(1))
        #expect(eventually { supervisor.tasks.map(\.state) == [.running, .finished, .failed] })
        #expect(supervisor.tasks.map(\.attempt) == [1, 0, 0])
        #expect(supervisor.cancelAll(deadline: .seconds(10)) == [])
        #expect(supervisor.tasks.map(\.state) == [.finished, .finished, .failed])
    }

    @Test func theChecksFindAMissingBeat() throws {
        let supervisor = try supervisor()
        let gate = Gate()
        let second = Gate()
        try supervisor.start("indexer", beatLimit: .seconds(45)) { context in
            gate.pass()
            context.beat()
            second.pass()
            return .finished
        }
        try supervisor.start("idle", beatLimit: .seconds(45)) { context in
            _ = context.wait(for: .seconds(80_000))
            return .stopped
        }
        #expect(gate.hasArrived())
        #expect(hasWaitingTasks(1))
        clock.advance(by: .seconds(30))
        #expect(clock.hasWaiters(within: .seconds(30)))
        #expect(transitions.values(2).count == 2, "30 s are within the limit")
        clock.advance(by: .seconds(30))
        #expect(transitions.values(3).last.map { [$0.name, $0.state.rawValue] } == ["indexer", "stuck"])
        gate.open()
        #expect(second.hasArrived())
        #expect(clock.hasWaiters(within: .seconds(30)))
        clock.advance(by: .seconds(30))
        #expect(transitions.values(4).last.map { [$0.name, $0.state.rawValue] } == ["indexer", "running"])
        second.open()
        #expect(transitions.values(5).last.map { [$0.name, $0.state.rawValue] } == ["indexer", "finished"])
        #expect(supervisor.cancelAll(deadline: .seconds(10)) == [])
    }

    @Test func aCriticalTaskThatIsStuckIsReplaced() throws {
        let supervisor = try supervisor()
        let (gate, returned) = (Gate(), Gate())
        let runs = Counter()
        try supervisor.start("watcher", critical: true, beatLimit: .seconds(45)) { context in
            runs.increment()
            if runs.value == 1 {
                gate.pass()
                // Long given up, it learns that it was cancelled; how it ends is of no interest.
                #expect(context.isCancelled)
                returned.open()
                throw Broken()
            }
            _ = context.wait(for: .seconds(80_000))
            return .stopped
        }
        #expect(gate.hasArrived())
        clock.advance(by: .seconds(30))
        #expect(clock.hasWaiters(within: .seconds(30)))
        clock.advance(by: .seconds(30))
        #expect(eventually { runs.value == 2 })
        #expect(transitions.values(4).map(\.state) == [.running, .stuck, .restarting, .running])
        #expect(supervisor.tasks.first?.reason == "no sign of life for 45 s")
        gate.open()
        returned.pass()
        #expect(supervisor.tasks.map(\.state) == [.running])
        #expect(supervisor.tasks.map(\.attempt) == [1])
        #expect(supervisor.cancelAll(deadline: .seconds(10)) == [])
        #expect(supervisor.tasks.map(\.state) == [.finished])
    }

    @Test func aTaskThatFailedForGoodIsRevived() throws {
        var policy = RestartPolicy()
        policy.delays = [.zero]
        let supervisor = try TaskSupervisor(clock: clock, policy: policy, logger: .disabled)
        let isBroken = Condition(true)
        try supervisor.start("watcher", critical: true) { context in
            if isBroken.withLock({ $0 }) { throw Broken() }
            _ = context.wait(for: .seconds(80_000))
            return .stopped
        }
        #expect(eventually { supervisor.tasks.map(\.state) == [.failed] })
        supervisor.revive("nobody")
        isBroken.withLock { $0 = false }
        supervisor.revive("watcher")
        #expect(supervisor.tasks.map(\.state) == [.running] && supervisor.tasks.map(\.attempt) == [0])
        supervisor.revive("watcher")
        #expect(hasWaitingTasks(1))
        #expect(supervisor.cancelAll(deadline: .seconds(10)) == [])
        #expect(supervisor.tasks.map(\.state) == [.finished])
    }

    @Test func tasksAreStoppedLastFirst() throws {
        let supervisor = try supervisor()
        let stopped = Collected<String>()
        for name in ["writer", "indexer", "watcher"] {
            try supervisor.start(name, critical: true) { context in
                _ = context.wait(for: .seconds(80_000))
                stopped.add(name)
                return .stopped
            }
        }
        #expect(hasWaitingTasks(3))
        #expect(supervisor.cancelAll(deadline: .seconds(10)) == [])
        #expect(stopped.values == ["watcher", "indexer", "writer"])
        #expect(throws: TaskSupervisorError.stopping(name: "late")) { try supervisor.start("late") { _ in .finished } }
    }

    @Test func aTaskThatDoesNotStopKeepsNoOtherFromIt() throws {
        let supervisor = try TaskSupervisor(logger: .disabled)
        let gate = Gate()
        let cleaned = Counter()
        try supervisor.start("polite", critical: true) { context in
            _ = context.wait(for: .seconds(80_000))
            cleaned.increment()
            return .stopped
        }
        try supervisor.start("rude") { _ in
            gate.pass()
            return .finished
        }
        #expect(gate.hasArrived())
        let begin = monotonicNanoseconds()
        #expect(supervisor.cancelAll(deadline: .milliseconds(400)) == ["rude"])
        #expect(monotonicNanoseconds() - begin < 10_000_000_000)
        #expect(cleaned.value == 1)
        gate.open()
    }

    @Test func aCancellationEndsTheWaitForARestart() throws {
        let supervisor = try supervisor()
        let runs = Counter()
        try supervisor.start("watcher", critical: true) { _ in
            runs.increment()
            throw Broken()
        }
        #expect(clock.hasWaiters(within: .seconds(1)))
        #expect(supervisor.stop("watcher", deadline: .seconds(10)))
        #expect(supervisor.tasks.map(\.state) == [.finished])
        #expect(runs.value == 2)
    }

    @Test func aCancellationWakesWhatTheTaskBlocksIn() throws {
        let supervisor = try supervisor()
        let bus = EventBus(capacity: 4)
        let subscribed = Gate()
        try supervisor.start("follower", critical: true) { context in
            let subscription = bus.subscribe()
            context.onCancel { subscription.cancel() }
            subscribed.open()
            while subscription.next(timeout: .seconds(3600)) != .closed {}
            return .stopped
        }
        subscribed.pass()
        #expect(supervisor.stop("follower", deadline: .seconds(10)))
        #expect(supervisor.tasks.map(\.state) == [.finished])
    }

    @Test func aNameIsFreeOnceItsTaskHasEnded() throws {
        let supervisor = try supervisor()
        let gate = Gate()
        try supervisor.start("scan home") { _ in
            gate.pass()
            return .finished
        }
        #expect(throws: TaskSupervisorError.duplicate(name: "scan home")) {
            try supervisor.start("scan home") { _ in .finished }
        }
        gate.open()
        #expect(supervisor.stop("scan home", deadline: .seconds(10)))
        try supervisor.start("scan home") { _ in .finished }
        #expect(supervisor.stop("scan home", deadline: .seconds(10)))
        #expect(supervisor.tasks.count == 1)
    }

    @Test func transitionsAreLogged() throws {
        let log = Collected<LogEvent>()
        let system = LogSystem(handlers: [CollectingLogHandler(events: log)], filter: LogFilter(.info))
        let supervisor = try TaskSupervisor(clock: clock, logger: system.logger("tasks"))
        try supervisor.start("scan") { _ in throw Broken() }
        let events = log.values(2)
        #expect(events.map(\.level) == [.info, .error])
        #expect(events.last?.summaryForTests == "task changed state error=the origin is gone state=failed task=scan")
    }
}
