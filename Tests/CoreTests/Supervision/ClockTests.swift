import Foundation
import MusicFSCore
import MusicFSSystem
import Testing

@Suite struct ClockTests {
    @Test func durationsBecomeNanoseconds() {
        #expect(Duration.seconds(1.5).nanoseconds == 1_500_000_000)
        #expect(Duration.seconds(-1).nanoseconds == 0)
        #expect(Duration.nanoseconds(-1).nanoseconds == 0)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(TestClock(now: .max - 1).deadline(after: .seconds(1)) == .max)
    }

    @Test func aWaitOnTheTestClockEndsWhenItIsAdvanced() throws {
        let clock = TestClock()
        let state = Condition(0)
        let ended = Collected<Bool>()
        let deadline = clock.deadline(after: .seconds(10))
        try startThread("waiter") {
            ended.add(clock.wait(on: state, until: deadline) { $0 == 0 ? nil : true } == nil)
        }
        #expect(clock.hasWaiters())
        clock.advance(by: .seconds(9))
        #expect(clock.hasWaiters())
        #expect(ended.values.isEmpty)
        clock.advance(by: .seconds(1))
        #expect(ended.values(1) == [true])
    }

    @Test func aJumpOfTheWallClockIsNoticedAndSlowDriftIsNot() {
        let second: Int64 = 1_000_000_000
        var detector = ClockJumpDetector(wall: 1000 * second, monotonic: 7)
        #expect(detector.observe(wall: 1030 * second, monotonic: 7 + UInt64(30 * second)) == nil)
        #expect(detector.observe(wall: 1064 * second, monotonic: 7 + UInt64(60 * second)) == nil)
        #expect(detector.observe(wall: 1100 * second, monotonic: 7 + UInt64(90 * second)) == .seconds(6))
        #expect(detector.observe(wall: 1130 * second, monotonic: 7 + UInt64(120 * second)) == nil, "told once")
        #expect(detector.observe(wall: 0, monotonic: 7 + UInt64(120 * second)) == .seconds(-1130))
    }

    @Test func timesAreShownAsRFC3339() {
        var random = SystemRandomNumberGenerator()
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        for _ in 0..<500 {
            // 1900 to 2200, in whole milliseconds.
            let milliseconds = Int64.random(in: -2_208_988_800_000...7_258_118_400_000, using: &random)
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
            #expect(CalendarTime(nanoseconds: milliseconds * 1_000_000).rfc3339 == expected)
        }
        #expect(CalendarTime(nanoseconds: -1).rfc3339 == "1969-12-31T23:59:59.999Z")
        #expect(CalendarTime(nanoseconds: 951_782_400_000_000_000).date == "2000-02-29")
        #expect(CalendarTime(nanoseconds: .min).date == "1677-09-21")
    }
}
