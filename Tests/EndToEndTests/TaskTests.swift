import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// What the daemon does on its own account fails, and is brought back; nobody who reads has to care.
    @Suite struct TaskTests {
        /// - Parameters:
        ///   - failpoint: see `TaskFailpoint` of MusicFSCore.
        ///   - hurry: how many times faster what is done by the minute goes.
        private func makeLibrary(_ failpoint: String? = nil, hurry: Int = 1) throws -> MountedLibrary {
            let library = try MountedLibrary()
            try encode(library, "One")
            library.configuration =
                Section.directory(library.origin, id: "local", type: "local") + Section.quick + "\n"
                + "[fuse]\npassthrough = \"never\"\n"
            library.prefix =
                ["env", "MUSICFS_TEST_HURRY=\(hurry)"] + (failpoint.map { ["MUSICFS_FAILPOINT=\($0)"] } ?? [])
            return library
        }

        private func encode(_ library: MountedLibrary, _ title: String, to path: FilePath? = nil) throws {
            let file = path ?? library.origin.appending("\(title).flac")
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=1:seed=7", "-metadata",
                "artist=A", "-metadata", "title=\(title)", "-c:a", "flac", file.description)
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        private func shows(_ library: MountedLibrary, _ title: String, within seconds: Double = 15) -> Bool {
            eventually(seconds) { (try? library.files())?.contains { $0.hasSuffix("/\(title).flac") } ?? false }
        }

        private func task(_ library: MountedLibrary, _ name: String) throws -> MountedLibrary.Status.Task? {
            try library.status().tasks.first { $0.name == name }
        }

        @Test(
            .timeLimit(.minutes(1)),
            arguments: [
                ("task-throw", "health", "a failpoint"), ("task-end", "sync-local", "ended early"),
            ])
        func aTaskThatEndsTooEarlyIsRestartedAndTheMountDegradedMeanwhile(
            kind: String, name: String, reason: String
        ) throws {
            let library = try makeLibrary("\(kind):\(name):3")
            try library.start(waitsForScan: false)
            // At once, after one second, after five.
            #expect(
                try eventually {
                    let status = try library.status()
                    let task = status.tasks.first { $0.name == name }
                    return task?.state == "restarting" && task?.attempt == 3 && status.state == "degraded"
                        && status.degraded_because.contains("task \(name): \(reason)")
                }, "\(library.log)")
            #expect(try library.musicfs("tasks").text.contains("\(name): restarting"))
            #expect(shows(library, "One"))
            #expect(try eventually(20) { try library.status().state == "ready" }, "\(library.log)")
            #expect(try task(library, name)?.state == "running")
            #expect(library.log.components(separatedBy: "state=restarting task=\(name)").count == 4)
            let events = try run(
                "curl", "-sN", "-m", "1", "--unix-socket", library.socket.description,
                "http://localhost/v1/events?type=mount_state_changed&after=1.0"
            ).text
            #expect(events.contains("\"to\":\"degraded\"") && events.contains("\"from\":\"degraded\""), "\(events)")
        }

        @Test(.timeLimit(.minutes(1)), arguments: ["sync-local", "watch-local"])
        func aTaskThatHangsIsReplaced(name: String) throws {
            let library = try makeLibrary("task-hang:\(name):1", hurry: 60)
            try library.start(waitsForScan: false)
            #expect(eventually { library.log.contains("state=stuck task=\(name)") }, "\(library.log)")
            #expect(shows(library, "One"))
            #expect(
                try eventually {
                    let task = try task(library, name)
                    return task?.state == "running" && task?.attempt == 1
                })
            #expect(try eventually { try library.status().state == "ready" })
            try encode(library, "Two")
            #expect(shows(library, "Two"))
        }

        /// The event is lost together with the watcher that took it, so only the scan that follows can find the file.
        @Test(.timeLimit(.minutes(1))) func aWatcherThatFailsIsRestartedAndWhatItMissedIsFound() throws {
            let library = try makeLibrary("sync-watch-throw")
            try library.start()
            try encode(library, "Two")
            #expect(shows(library, "Two"), "\(library.log)")
            #expect(library.log.contains("state=restarting task=watch-local"))
            try encode(library, "Three")
            #expect(shows(library, "Three"))
            #expect(library.log.components(separatedBy: "sync: scanned").count == 3, "the third is seen by the watcher")
            #expect(try eventually { try library.status().state == "ready" }, "a look at a folder leaves no trace")
        }

        @Test(.timeLimit(.minutes(1))) func aDirectoryThatGoesAndComesIsWatchedAnew() throws {
            let library = try makeLibrary(hurry: 60)
            try library.start()
            let away = library.directory.path.appending("away")
            try rename(library.origin, to: away)
            #expect(try eventually { try library.status().state == "offline" }, "\(library.log)")
            #expect(eventually { library.log.contains("still offline after") }, "\(library.log)")
            // Another directory with the old one's files, as after a mount.
            try createDirectories(library.origin)
            let copied = try shell("cp -a '\(away)'/* '\(library.origin)'; rm -r '\(away)'")
            #expect(copied.status == 0)
            try encode(library, "Two")
            #expect(shows(library, "Two"), "\(library.log)")
            #expect(try eventually { try library.status().state == "ready" }, "\(library.log)")
            #expect(eventually { library.log.contains("no longer offline after") }, "\(library.log)")
            #expect(library.log.contains("watching anew"))
            #expect(try library.status().origins.map(\.watching) == [true])
            let scans = library.log.components(separatedBy: "sync: scanned").count
            try encode(library, "Three")
            #expect(shows(library, "Three"))
            #expect(library.log.components(separatedBy: "sync: scanned").count == scans, "it is seen by the watcher")
        }

        /// Only the daemon's idea of the time is shifted.
        @Test(.timeLimit(.minutes(1))) func whatWasWrittenAboutAClockJumpIsReadAgain() throws {
            let library = try makeLibrary(hurry: 60)
            let shift = library.directory.path.appending("shift")
            library.prefix += ["MUSICFS_TEST_CLOCK_SHIFT=\(shift)"]
            // Both have one size, and get one time.
            let (first, second) = (library.origin.appending("file.flac"), library.directory.path.appending("b.flac"))
            try encode(library, "AAA", to: first)
            try encode(library, "BBB", to: second)
            #expect(try FileStatus.of(first).size == FileStatus.of(second).size)
            let time = Int(Date().timeIntervalSince1970) - 100_000
            try #require(try shell("touch -d @\(time) '\(first)'").status == 0)
            try library.start()
            #expect(shows(library, "AAA"))
            try #require(try shell("cat '\(second)' > '\(first)'; touch -d @\(time) '\(first)'").status == 0)
            // The watcher hears of it and sees no difference.
            usleep(1_500_000)
            #expect(shows(library, "AAA", within: 0))
            var found = false
            for _ in 0..<5 where !found {
                let seconds = time - Int(Date().timeIntervalSince1970)
                try writeFileAtomically(shift, Array("\(seconds)".utf8))
                found = shows(library, "BBB", within: 3)
                if !found { try writeFileAtomically(shift, Array("0".utf8)) }
            }
            #expect(found, "\(library.log)")
            #expect(library.log.contains("clock: the clock was set"))
            #expect(try !library.files().contains { $0.contains("AAA") })
        }
    }
}
