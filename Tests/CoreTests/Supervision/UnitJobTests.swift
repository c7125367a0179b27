import MusicFSCore
import Testing

@Suite struct UnitJobTests {
    @Test func theJobOfAUnitIsFound() {
        let text = """
             1234 musicfs@two.service stop    running
            1235  musicfs.service     restart running
            1236 network.target start waiting
            """
        #expect(UnitJob(of: "musicfs.service", in: text) == .restart)
        #expect(UnitJob(of: "musicfs@two.service", in: text) == .stop)
        #expect(UnitJob(of: "network.target", in: text) == .start)
        for (unit, text) in [("two.service", text), ("musicfs.service", "No jobs running."), ("musicfs.service", "")] {
            #expect(UnitJob(of: unit, in: text) == nil)
        }
        #expect(UnitJob(of: "musicfs.service", in: "7 musicfs.service verify-active running") == nil)
    }

    @Test func aMountIsKeptWhereAnotherGuardianFollows() {
        #expect(
            UnitJob.isFollowed(job: .restart, result: "success") && UnitJob.isFollowed(job: .restart, result: "timeout")
        )
        #expect(!UnitJob.isFollowed(job: .stop, result: "signal") && !UnitJob.isFollowed(job: nil, result: "success"))
        for result in ["signal", "core-dump", "watchdog"] { #expect(UnitJob.isFollowed(job: nil, result: result)) }
        // An exit code is an end of its own: it has unmounted, or never mounted.
        #expect(
            !UnitJob.isFollowed(job: nil, result: "exit-code") && !UnitJob.isFollowed(job: .start, result: "exit-code"))
    }
}
