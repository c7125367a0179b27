import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// How a mount ends, and what becomes of one that ended badly.
    @Suite struct LifecycleTests {
        private func makeLibrary() throws -> MountedLibrary {
            let library = try MountedLibrary()
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=1:seed=1", "-metadata",
                "artist=A",
                "-metadata", "title=T", "-c:a", "flac", "\(library.origin)/1.flac")
            try #require(outcome.status == 0, "\(outcome.text)")
            return library
        }

        private func hasEnded(_ pid: Int32, within seconds: Double) throws -> Bool {
            try waitForEnd(of: pid, until: monotonicNanoseconds() + UInt64(seconds * 1e9))
        }

        private func isMounted(_ library: MountedLibrary) throws -> Bool {
            try MountEntry.at(library.mount)?.type == "fuse.musicfs"
        }

        @Test(.timeLimit(.minutes(1)), arguments: [SIGTERM, SIGINT]) func aSignalStopsItInOrder(signal: Int32) throws {
            let library = try makeLibrary()
            try library.start()
            let status = try library.status()
            kill(status.guardian_pid, signal)
            #expect(try hasEnded(status.guardian_pid, within: 10))
            #expect(try !isMounted(library))
            // Who told it, in which order it went, and how long each step took.
            #expect(library.log.contains("guardian: stopping signal=\(signal == SIGINT ? "SIGINT" : "SIGTERM")"))
            let lines = library.log.split(separator: "\n")
            func place(_ text: String) -> Int? { lines.firstIndex { $0.contains(text) } }
            let steps = [
                "no new opens", "control socket", "tasks", "media workers", "requests", "cache", "library", "history",
            ]
            let places = try steps.map { step in
                try #require(
                    lines.firstIndex {
                        $0.contains("server: stop: done milliseconds=")
                            && ($0.hasSuffix("step=\(step)") || $0.hasSuffix("step=\"\(step)\""))
                    }, "\(step): \(library.log)")
            }
            #expect(places == places.sorted())
            let watcher = try #require(place("state=finished task=watch-local"))
            #expect(places[1] < watcher && watcher < places[2])
            let (stopped, unmounted) = (
                try #require(place("server: stopped milliseconds=")), place("guardian: unmounted")
            )
            #expect(try places.last == stopped - 1 && stopped < #require(unmounted))
            #expect(!FileManager.default.fileExists(atPath: library.socket.description))
            // Nothing is left that another mount would stumble over.
            try library.start()
            #expect(try library.files().count == 1)
        }

        @Test(.timeLimit(.minutes(1)), arguments: ["a second signal", "force"])
        func whatIsUnderWayNeedNotBeWaitedFor(how: String) throws {
            let library = try makeLibrary()
            let size = try FileStatus.of(library.origin.appending("1.flac")).size
            library.configuration =
                "[fuse]\npassthrough = \"never\"\n" + Section.directory(library.origin, id: "local", type: "local")
            library.prefix = ["env", "MUSICFS_FAILPOINT=fuse-read-hang:\(size)"]
            try library.start()
            let status = try library.status()
            let file = library.mount.appending(try #require(try library.files().first))
            // A request that never ends is waited for, for ten seconds.
            let reader = try ChildProcess.start("/bin/cat", arguments: ["cat", file.description])
            usleep(300_000)
            if how == "force" {
                #expect(try run(Programs.musicfs, "shutdown", "--force", "--name", library.name).status == 0)
            } else {
                kill(status.guardian_pid, SIGTERM)
                #expect(try !hasEnded(status.guardian_pid, within: 1.5))
                kill(status.guardian_pid, SIGTERM)
            }
            #expect(try hasEnded(status.guardian_pid, within: 3))
            #expect(eventually { (try? isMounted(library)) == false })
            #expect(reader.wait(until: monotonicNanoseconds() + 5_000_000_000) != nil)
        }

        @Test(.timeLimit(.minutes(1))) func aMountWhoseGuardianWasKilledIsClearedByTheNext() throws {
            let library = try makeLibrary()
            try library.start()
            let status = try library.status()
            // What the kernel has kept of the root goes on being told when nobody serves it any more.
            #expect(try run("stat", library.mount.description).status == 0)
            kill(status.guardian_pid, SIGKILL)
            #expect(try hasEnded(status.guardian_pid, within: 5) && hasEnded(status.pid, within: 5))
            #expect(try isMounted(library) && run("ls", library.mount.description).text.contains("not connected"))
            try library.start()
            #expect(try library.files().count == 1)
        }

        @Test(.timeLimit(.minutes(1)), .enabled(if: ThisProcess.isAdministrator))
        func aConnectionThatTheKernelAbortsIsMountedAnew() throws {
            let library = try makeLibrary()
            try library.start()
            let status = try library.status()
            let entry = try #require(try MountEntry.at(library.mount))
            let minor = try #require(entry.device.split(separator: ":").last)
            let control = "/sys/fs/fuse/connections"
            let wasThere = FileManager.default.fileExists(atPath: "\(control)/\(minor)/abort")
            if !wasThere { _ = try run("mount", "-t", "fusectl", "none", control) }
            try #require(try shell("echo 1 > \(control)/\(minor)/abort").status == 0)
            #expect(
                eventually(15) {
                    guard let now = try? library.status() else { return false }
                    return now.pid != status.pid && (try? library.files().count) == 1
                })
            let now = try library.status()
            #expect(now.guardian_pid == status.guardian_pid && now.pid != status.pid)
            #expect(library.log.contains("mounting anew"))
        }
    }
}
