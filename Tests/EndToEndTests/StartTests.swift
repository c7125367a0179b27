import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The first server dies while it starts.
    ///
    /// `MUSICFS_TEST_FULL=1 swift test --filter StartTests` tries it 200 times.
    @Suite struct StartTests {
        private static let rounds = Rounds.of(6, full: 200)

        /// Kills the first process that serves an instance, so many seconds after it has appeared.
        private static let killer = """
            import os, signal, sys, time
            name, delay = "--name=" + sys.argv[1], float(sys.argv[2])
            def arguments(pid):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file: return file.read().decode(errors="replace").split("\\0")
                except OSError: return []
            end = time.monotonic() + 20
            while time.monotonic() < end:
                for pid in filter(str.isdigit, os.listdir("/proc")):
                    words = arguments(pid)
                    if words[:2] == ["musicfs", "serve"] and name in words:
                        time.sleep(delay)
                        os.kill(int(pid), signal.SIGKILL)
                        sys.exit(0)
                time.sleep(0.001)
            sys.exit(1)
            """

        @Test(.timeLimit(.minutes(20))) func whenTheFirstServerIsKilledAtAnyMomentTheMountAnswers() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "12")
            try library.start()
            let files = try library.files()
            try library.unmount()
            var random = SeededGenerator(seed: 11)
            for round in 0..<Self.rounds {
                let delay = Double.random(in: 0...0.2, using: &random)
                let killer = try ChildProcess.start(
                    "/usr/bin/python3", arguments: ["python3", "-c", Self.killer, library.name, "\(delay)"])
                try library.start(waitsForScan: false)
                #expect(killer.wait(until: monotonicNanoseconds() + 20_000_000_000) == .code(0))
                #expect(try library.files() == files, "round \(round), after \(delay) s\\n\(library.log)")
                #expect(try library.status().restarts == 1, "round \(round)")
                try library.unmount()
                #expect(try MountEntry.at(library.mount) == nil)
            }
        }
    }
}
