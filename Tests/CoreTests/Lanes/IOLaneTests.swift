import MusicFSCore
import MusicFSSystem
import Testing

private struct Broken: Error, Equatable {}

@Suite struct IOLaneTests {
    private typealias Answer = Result<Int, LaneError<Broken>>

    private static func lane(
        threads: Int = 1, queueLimit: Int = 16, clock: any MonotonicClock = TestClock(), name: String = "test"
    ) throws -> IOLane {
        try IOLane(
            name: name, threads: threads, deadline: .seconds(5), queueLimit: queueLimit,
            timer: DeadlineTimer(clock: clock))
    }

    /// Work that waits at the gate, on the lane.
    private static func block(
        _ lane: IOLane, _ gate: Gate, deadline: Duration? = nil, into answers: Collected<Answer>
    ) {
        lane.submit(deadline: deadline) { () throws(Broken) in
            gate.pass()
            return 1
        } completion: {
            answers.add($0)
        }
    }

    @Test func theResultAndTheErrorComeBack() throws {
        let lane = try Self.lane(threads: 4, clock: SystemClock())
        #expect(try lane.run { () throws(Broken) in 42 } == 42)
        #expect(throws: LaneError<Broken>.failed(Broken())) {
            try lane.run { () throws(Broken) -> Int in throw Broken() }
        }
        #expect(lane.shutdown(waiting: .seconds(10)))
    }

    @Test func aDeadlineAnswersOnceAndTheLateValueIsReleased() throws {
        final class Resource: Sendable {
            let released: Collected<Int>
            init(_ released: Collected<Int>) { self.released = released }
            deinit { released.add(1) }
        }
        let clock = TestClock()
        let lane = try Self.lane(clock: clock)
        let gate = Gate()
        let released = Collected<Int>()
        let outcomes = Collected<String>()
        lane.submit { () throws(Broken) in
            gate.pass()
            return Resource(released)
        } completion: { result in
            switch result {
            case .success: outcomes.add("success")
            case .failure(let error): outcomes.add("\(error)")
            }
        }
        #expect(gate.hasArrived())
        #expect(clock.hasWaiters(within: .seconds(5)))
        clock.advance(by: .milliseconds(4999))
        #expect(outcomes.values.isEmpty)
        clock.advance(by: .milliseconds(1))
        #expect(outcomes.values(1) == ["\(LaneError<Broken>.timedOut)"])
        #expect(lane.status.writtenOff == 1)
        #expect(lane.status.timedOut == 1)

        gate.open()
        #expect(released.values(1) == [1])
        // The one thread does further work: it has come back.
        #expect(eventually { lane.status.writtenOff == 0 })
        #expect(try lane.run { () throws(Broken) in 2 } == 2)
        #expect(outcomes.values.count == 1)
    }

    @Test func aHungLaneRefusesAtOnceUntilAThreadComesBack() throws {
        let clock = TestClock()
        let lane = try Self.lane(threads: 2, clock: clock)
        let gates = [Gate(), Gate()]
        let answers = Collected<Answer>()
        for gate in gates { Self.block(lane, gate, into: answers) }
        #expect(gates.allSatisfy { $0.hasArrived() })
        // Waits behind them and would have time left, but nobody to do it.
        Self.block(lane, gates[0], deadline: .seconds(60), into: answers)
        #expect(clock.hasWaiters(within: .seconds(5)))
        clock.advance(by: .seconds(5))
        let failures = answers.values(3).map { "\($0)" }
        #expect(failures.count { $0 == "\(Answer.failure(.timedOut))" } == 2)
        #expect(failures.count { $0 == "\(Answer.failure(.hung))" } == 1)
        #expect(lane.status.isHung)

        Self.block(lane, gates[0], into: answers)
        #expect(answers.values.count == 4, "a refusal comes before submit returns")
        #expect(answers.values.last == .failure(.hung))

        gates[0].open()
        #expect(eventually { !lane.status.isHung })
        #expect(try lane.run { () throws(Broken) in 3 } == 3)
        gates[1].open()
        #expect(lane.shutdown(waiting: .zero) || eventually { lane.shutdown() })
        #expect(answers.values.count == 4)
    }

    @Test func aHungLaneSlowsNoOther() throws {
        let clock = TestClock()
        let timer = try DeadlineTimer(clock: clock)
        let hung = try IOLane(name: "hung", threads: 2, deadline: .seconds(1), timer: timer)
        let healthy = try IOLane(name: "healthy", threads: 2, deadline: .seconds(1), timer: timer)
        let gate = Gate()
        let answers = Collected<Answer>()
        for _ in 0..<2 { Self.block(hung, gate, into: answers) }
        #expect(gate.hasArrived(2))
        for value in 0..<100 { #expect(try healthy.run { () throws(Broken) in value } == value) }
        #expect(clock.hasWaiters(within: .seconds(1)))
        clock.advance(by: .seconds(1))
        #expect(answers.values(2) == [.failure(.timedOut), .failure(.timedOut)])
        #expect(try healthy.run { () throws(Broken) in 5 } == 5)
        gate.open()
    }

    @Test func workThatStillWaitsTimesOutToo() throws {
        let clock = TestClock()
        let lane = try Self.lane(clock: clock)
        let gate = Gate()
        let answers = Collected<Answer>()
        Self.block(lane, gate, deadline: .seconds(10), into: answers)
        #expect(gate.hasArrived())
        #expect(clock.hasWaiters(within: .seconds(10)))
        let ran = Counter()
        // Its deadline is earlier than the one that the timer sleeps for.
        lane.submit(deadline: .seconds(1)) { () throws(Broken) in
            ran.increment()
            return 2
        } completion: {
            answers.add($0)
        }
        #expect(clock.hasWaiters(within: .seconds(1)))
        clock.advance(by: .seconds(1))
        #expect(answers.values(1) == [.failure(.timedOut)])
        #expect(lane.status.writtenOff == 0, "no thread was at it")
        gate.open()
        #expect(answers.values(2).last == .success(1))
        #expect(try lane.run { () throws(Broken) in 3 } == 3)
        #expect(ran.value == 0, "what was answered is not done any more")
    }

    @Test func theTimerSleepsUntilTheNextDeadlineAfterOneHasPassed() throws {
        let clock = TestClock()
        let lane = try Self.lane(clock: clock)
        for round in 1...3 {
            let gate = Gate()
            let answers = Collected<Answer>()
            Self.block(lane, gate, into: answers)
            #expect(gate.hasArrived())
            #expect(clock.hasWaiters(within: .seconds(5)), "not awake without a reason")
            clock.advance(by: .seconds(5))
            #expect(answers.values(1) == [.failure(.timedOut)])
            gate.open()
            #expect(eventually { !lane.status.isHung })
            #expect(lane.status.timedOut == UInt64(round))
        }
    }

    @Test func theQueueIsBounded() throws {
        let lane = try Self.lane(queueLimit: 2)
        let gate = Gate()
        let answers = Collected<Answer>()
        Self.block(lane, gate, into: answers)
        #expect(gate.hasArrived())
        for _ in 0..<3 { Self.block(lane, gate, into: answers) }
        #expect(answers.values == [.failure(.overloaded)])
        #expect(lane.status.queued == 2)
        gate.open()
        #expect(answers.values(4).count { $0 == .success(1) } == 3)
    }

    @Test func shutdownRefusesWhatWaitsAndLetsRunningWorkEnd() throws {
        let lane = try Self.lane()
        let gate = Gate()
        let answers = Collected<Answer>()
        Self.block(lane, gate, into: answers)
        #expect(gate.hasArrived())
        Self.block(lane, gate, into: answers)
        #expect(!lane.shutdown())
        #expect(answers.values == [.failure(.closed)])
        gate.open()
        #expect(answers.values(2) == [.failure(.closed), .success(1)])
        #expect(eventually { lane.shutdown() })
        Self.block(lane, gate, into: answers)
        #expect(answers.values.last == .failure(.closed))
    }

    @Test func threadsEndWithTheLaneAndTheTimer() throws {
        func threadsNamed(_ name: String) throws -> Int {
            let tasks = try open("/proc/self/task", [.read, .directory])
            return try listDirectory(tasks.raw).count { entry in
                let comm = FilePath("/proc/self/task").appending(entry.name).appending("comm")
                // A thread may end between the listing and the reading.
                return (try? readFile(comm)).map { $0 == Array((name + "\n").utf8) } ?? false
            }
        }
        var lane: IOLane? = try Self.lane(threads: 3, name: "ending")
        #expect(try lane?.run { () throws(Broken) in 1 } == 1)
        #expect(eventually { (try? threadsNamed("lane-ending")) == 3 })
        lane = nil
        #expect(eventually { (try? threadsNamed("lane-ending")) == 0 })
    }

    @Test func eachOfManyIsAnsweredExactlyOnce() throws {
        let lane = try IOLane(
            name: "many", threads: 4, deadline: .milliseconds(2), queueLimit: 64, timer: DeadlineTimer())
        let count = 2000
        let answers = Collected<Int>()
        for publisher in 0..<4 {
            try startThread("submit-\(publisher)") {
                for index in 0..<(count / 4) {
                    let id = publisher * (count / 4) + index
                    lane.submit(deadline: .microseconds(100 + id % 7 * 300)) { () throws(Broken) in
                        if id % 5 == 0 { throw Broken() }
                        if id % 50 == 1 { Gate().passBriefly() }
                        return id
                    } completion: { _ in
                        answers.add(id)
                    }
                }
            }
        }
        let ids = answers.values(count)
        #expect(ids.count == count)
        #expect(Set(ids).count == count)
        #expect(eventually { lane.status.busy == 0 && lane.status.writtenOff == 0 && lane.status.queued == 0 })
        #expect(lane.shutdown(waiting: .seconds(10)))
        #expect(answers.values.count == count)
    }

    @Test func aRealDeadlineIsMet() throws {
        let lane = try Self.lane(clock: SystemClock())
        let gate = Gate()
        let begin = monotonicNanoseconds()
        #expect(throws: LaneError<Broken>.timedOut) {
            try lane.run(deadline: .milliseconds(50)) { () throws(Broken) in gate.pass() }
        }
        let took = monotonicNanoseconds() - begin
        #expect(took >= 50_000_000)
        #expect(took < 5_000_000_000)
        gate.open()
    }
}

extension Gate {
    /// 3 ms at a closed door: work that may miss its deadline.
    fileprivate func passBriefly() {
        _ = Condition(()).wait(until: monotonicNanoseconds() + 3_000_000) { _ -> Bool? in nil }
    }
}
