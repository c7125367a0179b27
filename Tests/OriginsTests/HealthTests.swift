import MusicFSCore
import MusicFSSystem
import Testing

@testable import MusicFSOrigins

@Suite struct HealthTests {
    private let down = OriginError(.unreachable, "it does not answer")

    @Test(arguments: [(1, ["unhealthy"]), (3, ["degraded", "degraded", "unhealthy", "unhealthy"])])
    func failuresInARowMakeItUnhealthy(_ threshold: Int, _ expected: [String]) {
        var health = OriginHealth(threshold: threshold, slow: 2_000_000_000)
        #expect(health.status == .unknown)
        health.noteAnswer(latency: 1)
        #expect(health.status == .healthy)
        for status in expected {
            health.noteFailure(down)
            #expect(health.status.rawValue == status)
        }
        #expect(health.message == "it does not answer")
        // One success heals, and the count begins anew.
        health.noteAnswer(latency: 1)
        #expect(health.status == .healthy && health.message == nil)
        health.noteFailure(down)
        #expect(health.status.rawValue == expected[0])
    }

    @Test func aNameThatCannotBeResolvedDoesNotMakeItUnhealthy() {
        var health = OriginHealth(threshold: 1, slow: 1)
        for _ in 0..<10 { health.noteFailure(OriginError(.nameResolution, "no address")) }
        #expect(health.status == .degraded)
    }

    @Test func aSlowOneIsDegradedByTheMedian() {
        var health = OriginHealth(threshold: 3, slow: 1_000_000_000)
        for _ in 0..<19 { health.noteAnswer(latency: 3_000_000_000) }
        #expect(health.status == .healthy, "twenty answers tell")
        health.noteAnswer(latency: 3_000_000_000)
        #expect(health.status == .degraded)
        for _ in 0..<11 { health.noteAnswer(latency: 1_000_000) }
        #expect(health.status == .healthy)
    }

    @Test func bandwidthIsHeldToTheLimit() {
        let limit = BandwidthLimit(rate: 1000)
        // A second's worth at once, and then its price in time.
        #expect(limit.reserve(1000, now: 0) == 0)
        #expect(limit.reserve(1000, now: 0) == 0)
        let waits = (1...5).map { _ in limit.reserve(1000, now: 0) }
        #expect(waits == [1, 2, 3, 4, 5].map { $0 * 1_000_000_000 })
        #expect(limit.reserve(1000, now: 100_000_000_000) == 0)
        #expect(BandwidthLimit(rate: 0).reserve(1 << 40, now: 0) == 0)
    }
}
