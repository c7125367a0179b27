import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The guardian replaces servers that hang or die, and gives up on ones that cannot live (rules 5 and 9).
    @Suite struct SupervisionTests {
        /// A mounted library with a few files, whose guardian's exit code lands in the log.
        private func makeLibrary(_ guardian: String) throws -> MountedLibrary {
            let library = try MountedLibrary()
            let configuration = library.directory.path.appending("config.toml")
            // Every read reaches the server.
            let text = "[fuse]\npassthrough = \"never\"\n[guardian]\n\(guardian)\n"
            try writeFileAtomically(configuration, Array(text.utf8))
            library.extraArguments = ["--config", configuration.description]
            library.prefix = ["bash", "-c", "\"$@\"; echo \"exit $?\"", "bash"]
            for index in 0..<8 {
                let outcome = try run(
                    "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=1:seed=\(index)",
                    "-metadata",
                    "artist=A\(index)", "-metadata", "title=T", "-c:a", "flac", "\(library.origin)/\(index).flac")
                try #require(outcome.status == 0, "\(outcome.text)")
            }
            try library.start()
            return library
        }

        /// Names, sizes and bytes of everything in the mount, read by a process of its own past the kernel's cache.
        private final class Reader {
            private let process = Process()
            private let output = Pipe()

            init(_ library: MountedLibrary) throws {
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = [
                    "bash", "-c",
                    """
                    cd "$1" && find . -type f -printf '%p %s\\n' | sort && find . -type f -print0 | sort -z | xargs -0 -n1 -P8 \
                    sh -c 'dd if="$1" iflag=nocache count=0 status=none; cksum "$1"' sh 2>&1 | sort && echo done
                    """, "bash", library.mount.description,
                ]
                process.standardOutput = output
                process.standardError = output
                try process.run()
            }

            var isWaiting: Bool { process.isRunning }

            func text() -> String {
                let bytes = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                return String(decoding: bytes, as: UTF8.self)
            }

            deinit { if process.isRunning { process.terminate() } }
        }

        /// The servers of the guardian that are alive. A child that has not begun to be one keeps the guardian waiting
        /// (vfork(2)), so it must not be stopped.
        private func servers(of guardian: Int32) -> [Int32] {
            func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
            return text("/proc/\(guardian)/task/\(guardian)/children").split(separator: " ").compactMap { Int32($0) }
                .filter { text("/proc/\($0)/cmdline").hasPrefix("musicfs\0serve\0") && state(of: $0) != "Z" }
        }

        /// The letter in proc_pid_stat(5).
        private func state(of pid: Int32) -> Character? {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
            return text.range(of: ") ", options: .backwards).flatMap { text[$0.upperBound...].first }
        }

        /// Waits for a server that is none of `old`, in short steps: it is to be met while it starts.
        private func successor(of guardian: Int32, after old: Set<Int32>) -> Int32? {
            let end = monotonicNanoseconds() + 15_000_000_000
            while monotonicNanoseconds() < end {
                if let pid = servers(of: guardian).first(where: { !old.contains($0) }) { return pid }
                usleep(1000)
            }
            return nil
        }

        /// Waits until the server has served so long that its death is no early one.
        private func settle(_ library: MountedLibrary) throws {
            struct Uptime: Decodable { var uptime_s: Int }
            let isSettled = try eventually {
                let text = try run(Programs.musicfs, "status", "--name", library.name, "--json").text
                return ((try? JSONDecoder().decode(Uptime.self, from: Data(text.utf8)))?.uptime_s ?? 0) >= 2
            }
            #expect(isSettled, "\(library.log)")
        }

        private func servedCount(_ library: MountedLibrary) -> Int {
            library.log.components(separatedBy: "server: serving").count - 1
        }

        @Test func aHungServerIsReplacedAndWhoWaitsIsAnswered() throws {
            let library = try makeLibrary("heartbeat_timeout = \"1s\"")
            let expected = try Reader(library).text()
            #expect(expected.hasSuffix("done\n"))
            var restarts = 0
            for _ in 0..<3 {
                let pid = try library.status().pid
                kill(pid, SIGSTOP)
                #expect(eventually(2) { state(of: pid) == "T" })
                let begin = monotonicNanoseconds()
                let readers = try (0..<4).map { _ in try Reader(library) }
                for reader in readers { #expect(reader.text() == expected) }
                // The limit of a second, counted in polls, and the take-over.
                let seconds = Double(monotonicNanoseconds() - begin) / 1e9
                #expect(seconds < 10, "\(seconds) s")
                restarts += 1
                let status = try library.status()
                #expect(status.pid != pid && status.restarts == restarts)
            }
            #expect(library.log.components(separatedBy: "silent for too long").count - 1 == restarts)
            try library.unmount()
            #expect(library.log.hasSuffix("exit 0\n"))
        }

        @Test func aServerThatHangsBeforeItServesIsReplacedToo() throws {
            let library = try makeLibrary("heartbeat_timeout = \"1s\"")
            let expected = try Reader(library).text()
            let status = try library.status()
            try settle(library)
            var seen: Set<Int32> = []
            var stopped: Int32?
            var pid = status.pid
            // Now and then it serves before it can be stopped.
            for _ in 0..<5 where stopped == nil {
                seen.insert(pid)
                let served = servedCount(library)
                kill(pid, SIGKILL)
                pid = try #require(successor(of: status.guardian_pid, after: seen))
                kill(pid, SIGSTOP)
                try #require(eventually(2) { state(of: pid) == "T" })
                if servedCount(library) == served {
                    stopped = pid
                } else {
                    kill(pid, SIGCONT)
                    try settle(library)
                }
            }
            let hung = try #require(stopped)
            let reader = try Reader(library)
            #expect(reader.text() == expected)
            #expect(try library.status().pid != hung)
            #expect(library.log.contains("not begun to serve"))
        }

        /// Kills servers as they appear.
        ///
        /// - Returns: the seconds from each death to the next server.
        private func killServers(_ count: Int, of guardian: Int32, seen: inout Set<Int32>) throws -> [Double] {
            try (0..<count).map { _ in
                let pid = try #require(servers(of: guardian).first { !seen.contains($0) })
                seen.insert(pid)
                kill(pid, SIGKILL)
                let begin = monotonicNanoseconds()
                _ = try #require(successor(of: guardian, after: seen))
                return Double(monotonicNanoseconds() - begin) / 1e9
            }
        }

        @Test func serversThatDieAtOnceAreStartedEverLaterAndThenNoMore() throws {
            let library = try makeLibrary("max_restarts = 3")
            let expected = try Reader(library).text()
            let guardian = try library.status().guardian_pid
            var seen: Set<Int32> = []
            try settle(library)
            // The first has served for a while; the next three have not.
            let waits = try killServers(3, of: guardian, seen: &seen)
            #expect(waits[0] < 0.9 && waits[1] < 0.9 && (1..<2.5).contains(waits[2]), "\(waits)")
            let last = try #require(servers(of: guardian).first)
            seen.insert(last)
            kill(last, SIGKILL)
            // Who asks while no server is there waits for the next one.
            let begin = monotonicNanoseconds()
            let reader = try Reader(library)
            #expect(reader.text() == expected)
            #expect(monotonicNanoseconds() - begin > 4_000_000_000)
            #expect(library.log.contains("waiting before the next"))
            // That one serves for more than a second: the count begins anew.
            let served = try library.status()
            #expect(served.restarts == 4)
            try settle(library)
            let again = try killServers(4, of: guardian, seen: &seen)
            #expect(again[0] < 0.9 && again[1] < 0.9 && (1..<2.5).contains(again[2]) && (5..<7.5).contains(again[3]))
            let orphan = try #require(servers(of: guardian).first)
            // In the end the mount goes, and nobody is left waiting.
            kill(orphan, SIGKILL)
            #expect(eventually(10) { library.log.hasSuffix("exit 1\n") }, "\(library.log)")
            #expect(library.log.contains("giving up"))
            #expect(try MountEntry.at(library.mount) == nil)
            #expect(!(try Reader(library).text().contains("flac")))
            #expect(kill(orphan, 0) != 0)
        }

        /// Told to stop at any moment of a replacement, it ends, and the mount with it.
        @Test(arguments: [0, 15]) func aStopInTheMiddleOfAReplacementEndsTheMount(milliseconds: UInt32) throws {
            let library = try makeLibrary("max_restarts = 3")
            let status = try library.status()
            try settle(library)
            kill(status.pid, SIGKILL)
            usleep(milliseconds * 1000)
            kill(status.guardian_pid, SIGTERM)
            let isGone = eventually(15) { kill(status.guardian_pid, 0) != 0 }
            #expect(isGone, "\(library.log)")
            #expect(servers(of: status.guardian_pid).isEmpty)
            let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
            #expect(!mounts.contains(library.mount.description))
        }

        @Test func theGuardianStopsWhileItWaitsForTheNextServer() throws {
            let library = try makeLibrary("max_restarts = 5")
            let guardian = try library.status().guardian_pid
            var seen: Set<Int32> = []
            try settle(library)
            _ = try killServers(3, of: guardian, seen: &seen)
            kill(try #require(servers(of: guardian).first), SIGKILL)
            #expect(eventually(5) { library.log.contains(" seconds=5\n") })
            let begin = monotonicNanoseconds()
            kill(guardian, SIGTERM)
            #expect(eventually(10) { library.log.hasSuffix("exit 0\n") }, "\(library.log)")
            #expect(monotonicNanoseconds() - begin < 3_000_000_000)
            #expect(try MountEntry.at(library.mount) == nil)
        }
    }
}
