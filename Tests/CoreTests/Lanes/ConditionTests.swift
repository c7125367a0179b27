import MusicFSSystem
import Testing

@Suite struct ConditionTests {
    @Test func aWaitEndsWhenItsConditionHolds() throws {
        let state = Condition(0)
        try startThread("setter") {
            for _ in 0..<100 {
                state.withLock { $0 += 1 }
                state.signal()
            }
        }
        #expect(state.wait { $0 == 100 ? $0 : nil } == 100)
    }

    @Test func aDeadlineEndsAWaitAndNotBefore() {
        let state = Condition(0)
        let begin = monotonicNanoseconds()
        #expect(state.wait(until: begin + 20_000_000) { _ -> Int? in nil } == nil)
        #expect(monotonicNanoseconds() >= begin + 20_000_000)
        #expect(state.wait(until: 0) { $0 == 0 ? 7 : nil } == 7)
    }

    @Test func nothingIsLostBetweenManyThreads() throws {
        let tokens = Condition(0)
        let done = Collected<Int>()
        for index in 0..<4 {
            try startThread("taker-\(index)") {
                for _ in 0..<500 {
                    tokens.wait { tokens -> Void? in
                        guard tokens > 0 else { return nil }
                        tokens -= 1
                        return ()
                    }
                }
                done.add(index)
            }
            try startThread("giver-\(index)") {
                for _ in 0..<500 {
                    tokens.withLock { $0 += 1 }
                    tokens.signal()
                }
            }
        }
        #expect(done.values(4).count == 4)
        #expect(tokens.withLock { $0 } == 0)
    }
}
