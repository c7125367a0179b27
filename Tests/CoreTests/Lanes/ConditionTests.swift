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
        let state = Condition((tokens: 0, taken: 0))
        for index in 0..<4 {
            try startThread("taker-\(index)") {
                for _ in 0..<500 {
                    state.wait { state -> Void? in
                        guard state.tokens > 0 else { return nil }
                        state.tokens -= 1
                        state.taken += 1
                        return ()
                    }
                }
                state.broadcast()
            }
            try startThread("giver-\(index)") {
                for _ in 0..<500 {
                    state.withLock { $0.tokens += 1 }
                    state.signal()
                }
            }
        }
        let end = state.wait(until: monotonicNanoseconds() + 30_000_000_000) { $0.taken == 2000 ? $0.tokens : nil }
        #expect(end == 0)
    }
}
