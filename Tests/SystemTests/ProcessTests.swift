import MusicFSSystem
import Testing

@Suite struct ProcessTests {
    private func milliseconds(_ count: UInt64) -> UInt64 { monotonicNanoseconds() + count * 1_000_000 }

    @Test func aProcessThatNobodyReapedHasEnded() throws {
        let child = try ChildProcess.start("/bin/true", arguments: ["true"])
        // It is a zombie from here on: kill(pid, 0) still finds it.
        #expect(try waitForEnd(of: child.pid, until: milliseconds(10_000)))
        #expect(child.reap() == .code(0))
        #expect(try waitForEnd(of: child.pid, until: milliseconds(0)))
    }

    @Test func aRunningProcessIsWaitedForUntilTheDeadline() throws {
        let child = try ChildProcess.start("/bin/sleep", arguments: ["sleep", "60"])
        #expect(try !waitForEnd(of: child.pid, until: milliseconds(50)))
        child.send(Signal.kill)
        #expect(try waitForEnd(of: child.pid, until: milliseconds(10_000)))
        #expect(child.reap() == .signal(Signal.kill))
    }
}
