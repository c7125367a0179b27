import Testing

@testable import MusicFSCore

@Suite struct TaskMachineTests {
    private static func machine(critical: Bool = true) -> TaskMachine {
        TaskMachine(critical: critical, restarts: critical, policy: RestartPolicy(), now: 0)
    }

    @Test(arguments: [TaskMachine.Ending.threw("no"), .exited(.stopped)])
    func aCriticalTaskIsRestartedFiveTimesAndThenFails(ending: TaskMachine.Ending) {
        var machine = Self.machine()
        var now: UInt64 = 0
        for (index, seconds) in [0, 1, 5, 30, 30].enumerated() {
            now += 1_000_000
            #expect(machine.ended(ending, cancelled: false, now: now) == .restart(after: .seconds(seconds)))
            #expect(machine.state == .restarting)
            #expect(machine.attempt == index + 1)
            now += UInt64(seconds) * 1_000_000_000
            machine.restarted(now: now)
            #expect(machine.state == .running)
        }
        #expect(machine.ended(ending, cancelled: false, now: now) == .rest)
        #expect(machine.state == .failed)
        #expect(machine.reason != nil)
    }

    @Test func aTaskThatRanWellBeginsAnew() {
        var machine = Self.machine()
        var now: UInt64 = 0
        for _ in 0..<20 {
            now += RestartPolicy().stableAfter.nanoseconds
            #expect(machine.ended(.threw("no"), cancelled: false, now: now) == .restart(after: .zero))
            machine.restarted(now: now)
        }
    }

    @Test func doingOnesWorkIsNoFailure() {
        for critical in [true, false] {
            var machine = Self.machine(critical: critical)
            #expect(machine.ended(.exited(.finished), cancelled: false, now: 1) == .rest)
            #expect(machine.state == .finished)
        }
    }

    @Test(arguments: [TaskMachine.Ending.threw("no"), .exited(.stopped)])
    func anUncriticalTaskFailsAtOnce(ending: TaskMachine.Ending) {
        var machine = Self.machine(critical: false)
        #expect(machine.ended(ending, cancelled: false, now: 1) == .rest)
        #expect(machine.state == .failed)
    }

    @Test(arguments: [TaskMachine.Ending.threw("no"), .exited(.stopped), .exited(.finished)])
    func afterACancellationEveryEndIsRight(ending: TaskMachine.Ending) {
        var machine = Self.machine()
        #expect(machine.ended(ending, cancelled: true, now: 1) == .rest)
        #expect(machine.state == .finished)
    }

    @Test func aMissingBeatIsStuckUntilTheNextOne() {
        var machine = Self.machine()
        func changes(lastBeat: UInt64?, now: UInt64) -> Bool {
            machine.checked(lastBeat: lastBeat, limit: .nanoseconds(100), now: now)
        }
        #expect(!changes(lastBeat: 0, now: 100))
        #expect(changes(lastBeat: 0, now: 101))
        #expect(machine.state == .stuck)
        #expect(!changes(lastBeat: 0, now: 102))
        #expect(changes(lastBeat: 102, now: 103))
        #expect(machine.state == .running)
        #expect(!changes(lastBeat: nil, now: .max), "a wait is not stuck")
        _ = machine.ended(.exited(.finished), cancelled: false, now: 200)
        #expect(!changes(lastBeat: 0, now: .max), "what has ended is not stuck")
        #expect(machine.state == .finished)
    }
}
