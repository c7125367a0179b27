import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// Eight programs stream, one lists everything, one opens and closes files, all without a pause, while the server is
    /// taken away from them every two seconds.
    ///
    /// `MUSICFS_TEST_FULL=1 swift test --filter StormTests` does that for a minute in every way and prints how long the
    /// readers had to wait each time; the suite itself tries a few, for some seconds. `MUSICFS_TEST_STORM='kill remote'`
    /// tries one.
    @Suite(.serialized, .enabled(if: canServe)) struct StormTests {
        enum Event: String, CaseIterable, Sendable {
            case kill, stop, upgrade
        }

        enum Source: String, CaseIterable, Sendable {
            case passthrough, direct, remote
        }

        struct Storm: Sendable, CustomStringConvertible {
            var event: Event
            var source: Source
            var description: String { "\(event) \(source)" }
        }

        private static let seconds = Rounds.of(5, full: 60)

        static var storms: [Storm] {
            let all = Event.allCases.flatMap { event in Source.allCases.map { Storm(event: event, source: $0) } }
            if let name = ThisProcess.environment["MUSICFS_TEST_STORM"] { return all.filter { "\($0)" == name } }
            if !Rounds.areFull { return [Storm(event: .kill, source: .remote), Storm(event: .stop, source: .direct)] }
            return all
        }

        /// Prints each wait of more than 15 ms as `SECONDS MILLISECONDS`, errors as `ERROR …`, and at last how much was done.
        private static let programs = """
            import multiprocessing, os, random, sys, time
            mount, originals, running = sys.argv[1:]
            files = sorted(os.path.join(d, f) for d, _, fs in os.walk(mount) for f in fs)
            def original(f):
                number = "".join(c for c in os.path.basename(f) if c.isdigit())
                return os.path.join(originals, "track" + number + ".wav")
            data = {f: open(original(f), "rb").read() for f in files}
            def report(lines): os.write(1, "".join(l + "\\n" for l in lines).encode())
            def loop(body):
                lines, count = [], 0
                while os.path.exists(running):
                    begin = time.monotonic()
                    try:
                        wrong = body()
                        if wrong: lines.append("ERROR " + wrong)
                        count += 1
                    except OSError as e: lines.append(f"ERROR {e}")
                lines.append(f"done {count}")
                report(lines)
            def stream(index):
                rng, waits = random.Random(index), []
                def body():
                    f = rng.choice(files)
                    fd = os.open(f, os.O_RDONLY)
                    try:
                        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                        at = 0
                        while at < len(data[f]):
                            begin = time.monotonic()
                            got = os.pread(fd, 65536, at)
                            took = time.monotonic() - begin
                            if took > 0.015: waits.append(f"{begin:.3f} {took * 1000:.0f}")
                            if got != data[f][at:at + 65536]: return f"wrong bytes of {f} at {at}"
                            at += len(got)
                    finally: os.close(fd)
                loop(body)
                report(waits)
            def find():
                def body():
                    seen = sorted(os.path.join(d, f) for d, _, fs in os.walk(mount) for f in fs)
                    if seen != files: return f"{len(seen)} of {len(files)} names"
                    time.sleep(0.02)
                loop(body)
            def opener():
                rng = random.Random(99)
                def body():
                    f = rng.choice(files)
                    fd = os.open(f, os.O_RDONLY)
                    if os.fstat(fd).st_size != len(data[f]): return f"wrong size of {f}"
                    os.close(fd)
                    try:
                        os.stat(f + ".absent")
                        return "a file that is not"
                    except FileNotFoundError: pass
                    time.sleep(0.002)
                loop(body)
            jobs = [multiprocessing.Process(target=stream, args=(i,)) for i in range(8)]
            jobs += [multiprocessing.Process(target=find), multiprocessing.Process(target=opener)]
            for job in jobs: job.start()
            for job in jobs: job.join()
            """

        @Test(.timeLimit(.minutes(4)), arguments: storms)
        func noErrorAndNoWrongByte(_ storm: Storm) throws {
            let directory = try TestDirectory()
            let originals = directory.path.appending("originals")
            for number in 0..<24 { try writeAudio(originals.appending("track\(number).wav"), megabytes: 2) }
            let library = try MountedLibrary()
            let server = storm.source == .remote ? try RcloneServer(.webdav, originals) : nil
            let origin = server.map { Section.webdav($0) } ?? Section.directory(originals, id: "local", type: "local")
            library.configuration = """
                [fuse]
                passthrough = "\(storm.source == .passthrough ? "auto" : "never")"
                [guardian]
                heartbeat_timeout = "2s"
                [cache]
                max_size = "1GiB"
                \(origin)
                """
            let program = storm.event == .upgrade ? try library.useOwnProgram() : nil
            try library.startAndScan(origins: 1)
            try #require(try library.files().count == 24)
            let running = directory.path.appending("running")
            try writeFileAtomically(running, [])
            let output = directory.path.appending("output")
            let readers = try ChildProcess.start(
                "/bin/bash",
                arguments: [
                    "bash", "-c", "exec python3 -c \"$1\" \"$2\" \"$3\" \"$4\" > \"$5\" 2>&1", "bash", Self.programs,
                    library.mount.description, originals.description, running.description, output.description,
                ])
            let times = try disturb(library, storm.event, program, seconds: Self.seconds)
            try unlink(running)
            let hasEnded = readers.wait(until: monotonicNanoseconds() + 60_000_000_000) != nil
            #expect(hasEnded, "\(library.log.suffix(3000))")
            let lines = String(decoding: try readFile(output), as: UTF8.self).split(separator: "\n").map(String.init)
            let errors = lines.filter { !$0.hasPrefix("done") && $0.first?.isNumber != true }
            #expect(errors.isEmpty, "\(errors.prefix(10))\n\(library.log.suffix(3000))")
            #expect(lines.count { $0.hasPrefix("done") && $0 != "done 0" } == 10)
            #expect(times.count >= Self.seconds / 6)
            printWaits(storm, lines, times)
        }

        /// - Returns: when the server was taken away, seconds of the monotonic clock.
        private func disturb(
            _ library: MountedLibrary, _ event: Event, _ program: FilePath?, seconds: Int
        ) throws -> [Double] {
            var times: [Double] = []
            let end = monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
            var last: Int32 = 0
            while monotonicNanoseconds() < end {
                var pid = last
                #expect(
                    try eventually(20) {
                        pid = try library.status().pid
                        return pid != last
                    })
                last = pid
                // One that has not served for a second would count as one that cannot start.
                usleep(event == .stop ? 1_500_000 : 1_900_000)
                times.append(Double(monotonicNanoseconds()) / 1e9)
                switch event {
                case .kill: kill(pid, SIGKILL)
                case .stop: kill(pid, SIGSTOP)
                case .upgrade:
                    if let program { try library.putProgram(program) }
                    kill(try library.status().guardian_pid, SIGUSR2)
                }
            }
            let final = last
            #expect(try eventually(20) { try library.status().pid != final })
            return times
        }

        /// The longest wait of any reader after each time.
        private func printWaits(_ storm: Storm, _ lines: [String], _ times: [Double]) {
            let waits = lines.compactMap { line -> (at: Double, milliseconds: Double)? in
                let parts = line.split(separator: " ").compactMap { Double($0) }
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
            let longest = times.map { time in
                waits.filter { $0.at + $0.milliseconds / 1000 >= time && $0.at < time + 4 }.map(\.milliseconds).max()
                    ?? 0
            }.sorted()
            guard let most = longest.last else { return }
            let p95 = longest[min(longest.count - 1, longest.count * 95 / 100)]
            print(
                "storm \(storm): \(times.count) times, longest wait of a reader each time, ms: p50 "
                    + "\(longest[longest.count / 2]), p95 \(p95), most \(most)")
        }
    }
}
