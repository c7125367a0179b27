import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// What is known of a crash afterwards, and what one file that makes the server crash does to the others.
    @Suite struct CrashTests {
        /// Three short tracks; the daemon has to read each of them.
        private func makeLibrary(_ configuration: String = "") throws -> MountedLibrary {
            let library = try MountedLibrary()
            library.configuration =
                "[fuse]\npassthrough = \"never\"\n" + configuration
                + Section.directory(library.origin, id: "local", type: "local")
            for index in 0..<3 {
                let outcome = try run(
                    "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=\(index + 1):seed=\(index)",
                    "-metadata", "artist=A\(index)", "-metadata", "title=T\(index)", "-c:a", "flac",
                    "\(library.origin)/\(index).flac")
                try #require(outcome.status == 0, "\(outcome.text)")
            }
            return library
        }

        private func compare(_ library: MountedLibrary, _ index: Int) throws -> Outcome {
            let file = try #require(try library.files().first { $0.contains("T\(index)") })
            return try run("cmp", library.mount.appending(file).description, "\(library.origin)/\(index).flac")
        }

        @Test(.timeLimit(.minutes(1)), arguments: ["ILL", "TRAP", "SEGV", "BUS", "ABRT", "FPE"])
        func everyCrashIsReportedOnceAndNoticedByNoReader(signal: String) throws {
            let library = try makeLibrary()
            try library.start()
            #expect(eventually { (try? library.files().count) == 3 })
            let server = try library.status().pid
            // Deaths within a second are another matter.
            #expect(eventually { (try? library.status().uptime_s) ?? 0 >= 1 })
            try #require(try run("kill", "-\(signal)", "\(server)").status == 0)
            #expect(try compare(library, 1).status == 0)
            #expect(eventually { (try? library.status().restarts) == 1 })
            let crash = try #require(try library.status().last_crash)
            #expect(crash.signal == "SIG\(signal)")
            #expect(crash.summary.contains("in its thread ") && crash.summary.contains("+0x"))
            let state = library.directory.path.appending("state")
            let reports = try shell("cat $(find '\(state)' -name 'crash-*.json')").text.split(separator: "\n")
            #expect(reports.count == 1)
            let report = try JSONSerialization.jsonObject(with: Data((reports.first ?? "").utf8)) as? [String: Any]
            #expect(report?["pid"] as? Int == Int(server) && (report?["frames"] as? [String] ?? []).count > 2)
            #expect(library.log.contains("{\"crash\":\"server\""))
        }

        @Test(.timeLimit(.minutes(1)), arguments: ["fuse-read-trap", "fuse-read-hang"])
        func aFileThatCannotBeServedHarmsNoOther(failpoint: String) throws {
            let library = try makeLibrary("[guardian]\nheartbeat_timeout = \"2s\"\n")
            let bad = try FileStatus.of(library.origin.appending("1.flac")).size
            library.prefix = ["env", "MUSICFS_FAILPOINT=\(failpoint):\(bad)"]
            try library.start()
            #expect(eventually { (try? library.files().count) == 3 })
            #expect(eventually { (try? library.status().uptime_s) ?? 0 >= 1 })
            let others = try (0..<4).map { _ in
                try ChildProcess.start(
                    "/bin/bash",
                    arguments: [
                        "bash", "-c",
                        """
                        for i in $(seq 30); do
                            find '\(library.mount)' -name '*T[02]*.flac' -exec dd if={} iflag=nocache of=/dev/null status=none \\; \
                            || exit 1
                            sleep 0.1
                        done
                        """,
                    ])
            }
            let outcome = try compare(library, 1)
            #expect(outcome.status == 2 && outcome.text.contains("Input/output error"), "\(outcome.text)")
            for other in others { #expect(other.wait(until: monotonicNanoseconds() + 30_000_000_000) == .code(0)) }
            #expect(try compare(library, 0).status == 0 && compare(library, 2).status == 0)
            // It is not tried again.
            let restarts = try library.status().restarts
            for _ in 0..<10 { #expect(try compare(library, 1).text.contains("Input/output error")) }
            let status = try library.status()
            #expect(status.restarts == restarts)
            #expect(status.restarts >= 2 && status.quarantined == 1)
            if failpoint == "fuse-read-hang" {
                let stacks = library.log.split(separator: "\n").filter { $0.hasPrefix("{\"stack\":\"server\"") }
                #expect(stacks.contains { $0.contains("\"thread\":\"fuse-") } && stacks.count > 5)
            } else {
                // In the thread that repeats what the first server left.
                #expect(["SIGILL", "SIGTRAP"].contains(status.last_crash?.signal ?? ""))
            }
        }
    }
}
