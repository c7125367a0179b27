import MusicFSCore
import MusicFSSystem
import Testing

@Suite struct SummaryTests {
    @Test func quantilesAreExactToAnEighth() {
        let summary = Summary()
        #expect(summary.snapshot.quantiles == [nil, nil, nil])
        // 1 µs to 1 s in steps of 1 ms: the quantiles are known.
        for number in 1...1000 { summary.recordNanoseconds(UInt64(number) * 1_000_000) }
        let snapshot = summary.snapshot
        #expect(snapshot.count == 1000 && snapshot.sumNanoseconds == 500_500_000_000)
        for (quantile, expected) in zip(snapshot.quantiles, [500_000_000, 950_000_000, 990_000_000] as [Double]) {
            let ratio = Double(quantile ?? 0) / expected
            #expect((1...1.125).contains(ratio), "\(ratio)")
        }
    }

    @Test(arguments: [0, 1, 1023, 1024, 1 << 36, .max]) func everyDurationHasItsPlace(nanoseconds: UInt64) {
        let summary = Summary()
        summary.recordNanoseconds(nanoseconds)
        let value = summary.snapshot.quantiles[0] ?? 0
        let expected = min(max(Double(nanoseconds), 1024), Double(1 << 36))
        #expect(Double(value) >= expected && Double(value) <= expected * 1.125 + 1, "\(value)")
    }

    @Test func theQuantilesForgetAndTheSumsDoNot() {
        let clock = TestClock()
        let summary = Summary(clock: clock)
        summary.recordNanoseconds(1_000_000_000)
        clock.advance(by: .seconds(301))
        #expect(summary.snapshot.quantiles[0] != nil)
        summary.recordNanoseconds(10_000)
        clock.advance(by: .seconds(301))
        let snapshot = summary.snapshot
        #expect(snapshot.quantiles[2] ?? 0 < 20_000)
        #expect(snapshot.count == 2 && snapshot.sumNanoseconds == 1_000_010_000)
    }
}
