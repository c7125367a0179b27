import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The stream of events, and what the service manager is told.
    @Suite struct EventTests {
        private struct Event: Decodable {
            var id: String?
            var event_type: String
            var data: [String: Value]
        }

        private enum Value: Decodable, Equatable {
            case text(String)
            case number(Int)
            case flag(Bool)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let flag = try? container.decode(Bool.self) {
                    self = .flag(flag)
                } else if let number = try? container.decode(Int.self) {
                    self = .number(number)
                } else {
                    self = .text(try container.decode(String.self))
                }
            }
        }

        private func encode(_ path: FilePath, title: String) throws {
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=1:seed=\(title.count)",
                "-metadata",
                "artist=A", "-metadata", "title=\(title)", "-c:a", "flac", path.description)
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        /// Follows the events into a file, as a user's program does.
        private final class Follower {
            let process: ChildProcess
            let output: FilePath

            init(_ library: MountedLibrary, _ arguments: String...) throws {
                output = library.directory.path.appending("events-\(UUID().uuidString.prefix(8))")
                let file = try open(output, [.write, .create], mode: 0o644)
                process = try ChildProcess.start(
                    FilePath(Programs.musicfs),
                    arguments: ["musicfs", "events", "--json", "--name", library.name] + arguments,
                    descriptors: [(file.raw, 1), (file.raw, 2)])
            }

            deinit {
                process.send(SIGKILL)
                _ = process.wait(until: monotonicNanoseconds() + 5_000_000_000)
            }

            var text: String { String(decoding: (try? readFile(output)) ?? [], as: UTF8.self) }
            var events: [Event] {
                text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
            }
        }

        @Test(.timeLimit(.minutes(1))) func eventsAreFollowedBeyondTheDeathOfTheServer() throws {
            let library = try MountedLibrary()
            try encode(library.origin.appending("1.flac"), title: "One")
            try library.start()
            #expect(eventually { (try? library.status().uptime_s) ?? 0 >= 1 })
            let follower = try Follower(library)
            // It is there when something is counted for it.
            #expect(
                try eventually {
                    try encode(library.origin.appending("2.flac"), title: "Other")
                    return follower.events.contains { $0.event_type == "sync_completed" }
                })
            let first = follower.events.count
            let pid = try library.status().pid
            kill(pid, SIGKILL)
            #expect(try eventually { try library.status().pid != pid })
            #expect(
                try eventually {
                    try encode(library.origin.appending("3.flac"), title: "Thrice")
                    return follower.events.dropFirst(first).contains { $0.event_type == "sync_completed" }
                })
            let events = follower.events
            let ids = events.compactMap(\.id)
            #expect(
                Set(ids).count == ids.count && ids.contains { $0.hasPrefix("1.") }
                    && ids.contains { $0.hasPrefix("2.") })
            // Between the two servers something may be missing, and that is said.
            #expect(events.count { $0.event_type == "lost" } == 1)
        }

        @Test(.timeLimit(.minutes(1))) func aStreamIsChosenFromAndResumed() throws {
            let library = try MountedLibrary()
            try encode(library.origin.appending("1.flac"), title: "One")
            try library.start()
            func curl(_ target: String, _ headers: String...) throws -> Outcome {
                try run(
                    ["curl", "-sN", "-m", "2", "--unix-socket", library.socket.description]
                        + headers.flatMap { ["-H", $0] } + ["http://localhost/v1/events\(target)"])
            }
            let all = try curl("", "Accept: text/event-stream", "Last-Event-ID: 1.0").text
            #expect(all.contains("id: 1.1\n") && all.contains("event: mount_state_changed\ndata: {"))
            let chosen = try curl("?type=sync_completed&after=1.0").text.split(separator: "\n")
            #expect(!chosen.isEmpty && chosen.allSatisfy { $0.contains("\"event_type\":\"sync_completed\"") })
            #expect(try curl("?origin=local&after=1.0").text.contains("\"origin_id\":\"local\""))
            #expect(try curl("?after=9.99").text.hasPrefix("{\"data\":{},\"event_type\":\"lost\""))
            for target in ["?type=sync_ended", "?origin=nowhere", "?after=x", "?after=1.2.3", "?after=-1.1"] {
                #expect(try curl(target).text.contains("\"error\""), "\(target)")
            }
            let wrong = try run(Programs.musicfs, "events", "--name", library.name, "--type", "sync_ended")
            #expect(wrong.status != 0 && wrong.text.contains("sync_completed"), "\(wrong.text)")
        }

        /// What is told of the files, one line each.
        private func files(_ follower: Follower, _ types: String...) -> [String] {
            follower.events.filter { types.contains($0.event_type) }.map { event in
                guard case .text(let path)? = event.data["path"] else { return "\(event.event_type) without path" }
                let name = path.split(separator: "/").suffix(3).joined(separator: "/")
                let hasID = event.data["file_id"] != nil
                return
                    "\(event.event_type) \(name) \(hasID ? "track" : "companion") \(event.data["origin_id"] == .text("local"))"
            }
        }

        @Test(.timeLimit(.minutes(1))) func filesThatComeGoChangeAndAreOpenedAreToldByTheirPaths() throws {
            let library = try MountedLibrary()
            try encode(library.origin.appending("1.flac"), title: "One")
            try library.start()
            #expect(eventually { (try? library.files().count) == 1 })
            let follower = try Follower(
                library, "--type", "file_added", "--type", "file_removed", "--type", "file_modified", "--type",
                "file_accessed", "--origin", "local")
            // Those of the first scan are still there for who asks for them.
            let past = try run([
                "curl", "-sN", "-m", "1", "--unix-socket", library.socket.description,
                "http://localhost/v1/events?type=file_added&after=1.0",
            ])
            let shown = library.mount.appending("A/Unknown Album [FLAC]/One.flac").description
            #expect(past.text.contains("\"path\":\"\(shown)\""), "\(past.text)")
            #expect(
                try eventually {
                    _ = try readFile(FilePath(shown))
                    return !files(follower, "file_accessed").isEmpty
                })
            let folder = "Unknown Album [FLAC]"
            func has(_ line: String) -> Bool {
                files(follower, "file_added", "file_removed", "file_modified", "file_accessed").contains(line)
            }
            #expect(has("file_accessed A/\(folder)/One.flac track true"))
            // A file that comes, with a cover.
            try encode(library.origin.appending("2.flac"), title: "Two")
            try writeFileAtomically(library.origin.appending("cover.jpg"), [0xff, 0xd8, 0xff])
            #expect(eventually { has("file_added A/\(folder)/Two.flac track true") })
            #expect(eventually { has("file_added A/\(folder)/cover.jpg companion true") })
            // One that changes where it is, one whose tags move it, one that goes.
            try writeFileAtomically(library.origin.appending("cover.jpg"), [0xff, 0xd8, 0xff, 0xe0])
            #expect(eventually { has("file_modified A/\(folder)/cover.jpg companion true") })
            try encode(library.origin.appending("2.flac"), title: "Three")
            #expect(eventually { has("file_added A/\(folder)/Three.flac track true") })
            #expect(has("file_removed A/\(folder)/Two.flac track true"))
            try unlink(library.origin.appending("1.flac"))
            #expect(eventually { has("file_removed A/\(folder)/One.flac track true") })
            // Once for each open, however much is read, and of nothing but the open file.
            let before = files(follower, "file_accessed").count
            let open = library.mount.appending("A/\(folder)/cover.jpg")
            for _ in 0..<5 { _ = try readFile(open) }
            #expect(eventually { files(follower, "file_accessed").count >= before + 5 })
            #expect(
                Array(files(follower, "file_accessed").dropFirst(before))
                    == Array(
                        repeating: "file_accessed A/\(folder)/cover.jpg companion true", count: 5))
            #expect(!follower.events.contains { $0.event_type == "sync_completed" })
        }

        @Test(.timeLimit(.minutes(1))) func roomThatTheCacheMakesIsTold() throws {
            let library = try MountedLibrary()
            for name in ["1.wav", "2.wav", "3.wav", "4.wav"] {
                try writeAudio(library.origin.appending(name), megabytes: 1)
            }
            library.configuration =
                "[cache]\nmax_size = \"2MiB\"\n"
                + Section.directory(library.origin, id: "local", type: "local", extra: "cache = \"always\"")
            try library.start()
            #expect(eventually { (try? library.files().count) == 4 })
            let follower = try Follower(library, "--type", "cache_eviction")
            #expect(
                try eventually(20) {
                    for file in try library.files() { _ = try readFile(library.mount.appending(file)) }
                    try library.dropKernelCaches()
                    return !follower.events.isEmpty
                })
            guard case .number(let bytes)? = follower.events.first?.data["bytes_freed"] else {
                Issue.record("no bytes: \(follower.text)")
                return
            }
            #expect(bytes > 0)
        }

        @Test(.timeLimit(.minutes(1))) func whoCannotPrintEventsEnds() throws {
            let library = try MountedLibrary()
            try encode(library.origin.appending("1.flac"), title: "One")
            try library.start()
            // Signals of a broken pipe are ignored here, as under many programs.
            for target in ["1>/dev/full", "1>&-", "> >(head -n 0)"] {
                let outcome = try shell(
                    """
                    trap '' PIPE
                    (timeout -k 1 20 '\(Programs.musicfs)' events --name \(library.name); echo "ended $?" >&2) \(target) &
                    follower=$!
                    for i in $(seq 100); do
                        kill -0 $follower 2>/dev/null || break
                        '\(Programs.musicfs)' reload --name \(library.name) >/dev/null
                        '\(Programs.musicfs)' scan --name \(library.name) >/dev/null
                        sleep 0.1
                    done
                    wait $follower
                    """)
                #expect(outcome.text.split(separator: "\n").contains("ended 1"), "\(target): \(outcome.text)")
            }
        }

        @Test(.timeLimit(.minutes(1)), .enabled(if: canServe)) func anOriginThatGoesAndComesIsNews() throws {
            let library = try MountedLibrary()
            let far = library.directory.path.appending("far")
            try writeAudio(far.appending("1.wav"), megabytes: 1)
            try writeAudio(far.appending("2.wav"), megabytes: 3)
            let server = try RcloneServer(.webdav, far)
            let proxy = try TCPProxy(target: server.port)
            library.configuration = Section.webdav(server, port: proxy.port) + Section.quick
            library.prefix = ["env", "MUSICFS_TEST_HURRY=60"]
            try library.startAndScan(origins: 1)
            let files = try library.files()
            func shown(_ name: String) throws -> FilePath {
                library.mount.appending(try #require(files.first { $0.hasSuffix("/\(name)") }, "\(files)"))
            }
            let (cached, unknown) = (try shown("1.wav"), try shown("2.wav"))
            struct Info: Decodable { var cached_bytes: Int }
            // What is read while the scan's own ranges are being stored may need a second read to be there as a whole.
            let isCached = try eventually {
                try library.dropKernelCaches()
                guard try run("cmp", cached.description, "\(far)/1.wav").status == 0 else { return false }
                let text = try run(Programs.musicfs, "info", cached.description, "--json").text
                return (try? JSONDecoder().decode(Info.self, from: Data(text.utf8)))?.cached_bytes ?? 0 > 1 << 20
            }
            #expect(isCached)
            let follower = try Follower(library)
            func has(_ type: String, _ field: String, _ value: Value) -> Bool {
                follower.events.contains { $0.event_type == type && $0.data[field] == value }
            }
            proxy.isFrozen = true
            #expect(eventually(20) { has("mount_state_changed", "to", .text("offline")) })
            #expect(has("origin_health_changed", "healthy", .flag(false)))
            #expect(has("origin_disconnected", "origin_id", .text("dav")))
            #expect(eventually { has("all_origins_unhealthy", "candidate_count", .number(1)) })
            #expect(try library.status().state == "offline")
            // What was read before is there; what was not is told of in one line now and then, and not for each read.
            try library.dropKernelCaches()
            #expect(try run("cmp", cached.description, "\(far)/1.wav").status == 0)
            let lines = library.log.split(separator: "\n").count
            let isRead = try (0..<50).contains { _ in
                try run("dd", "if=\(unknown)", "bs=4096", "skip=256", "count=1", "status=none").status == 0
            }
            #expect(!isRead)
            let pattern = /still offline after [0-9]+ s: [0-9]+ reads from the cache, [1-9][0-9]* failed/
            #expect(eventually { library.log.contains(pattern) }, "\(library.log)")
            let between = library.log.split(separator: "\n").dropFirst(lines).filter { !$0.contains("still offline") }
            #expect(between.count < 10, "\(between)")
            proxy.isFrozen = false
            #expect(eventually(30) { has("mount_state_changed", "from", .text("offline")) })
            #expect(has("origin_health_changed", "healthy", .flag(true)))
            #expect(eventually(20) { (try? library.status().state) == "ready" })
            #expect(
                library.log.contains(
                    /no longer offline after [0-9]+ s: [1-9][0-9]* reads from the cache, ([5-9][0-9]|[1-9][0-9]{2,}) failed/
                ))
            // At once, and not when the clock asks for it.
            #expect(eventually { library.log.components(separatedBy: "sync: scanned").count > 2 })
            #expect(try run("cmp", unknown.description, "\(far)/2.wav").status == 0)
            withExtendedLifetime(server) {}
        }

        @Test(.timeLimit(.minutes(1))) func theServiceManagerIsToldOfEveryStep() throws {
            let library = try MountedLibrary()
            try encode(library.origin.appending("1.flac"), title: "One")
            let socket = library.directory.path.appending("notify")
            let heard = library.directory.path.appending("heard")
            let script = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.bind(sys.argv[1])
                while True:
                    with open(sys.argv[2], "ab") as file: file.write(s.recv(4096) + b"\\n")
                """
            let manager = try ChildProcess.start(
                "/usr/bin/env", arguments: ["env", "python3", "-c", script, socket.description, heard.description])
            defer {
                manager.send(SIGKILL)
                _ = manager.wait(until: monotonicNanoseconds() + 5_000_000_000)
            }
            #expect(eventually { FileManager.default.fileExists(atPath: socket.description) })
            func lines() -> [String] {
                String(decoding: (try? readFile(heard)) ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
            }
            library.prefix = ["env", "NOTIFY_SOCKET=\(socket)", "WATCHDOG_USEC=1000000"]
            try library.start()
            #expect(eventually { lines().contains("READY=1") && lines().contains { $0.hasPrefix("STATUS=serving") } })
            #expect(eventually { lines().count { $0 == "WATCHDOG=1" } >= 3 })
            #expect(eventually { (try? library.status().uptime_s) ?? 0 >= 1 })
            kill(try library.status().pid, SIGKILL)
            #expect(eventually { lines().contains { $0.hasPrefix("STATUS=replacing") } })
            #expect(eventually { lines().count { $0.hasPrefix("STATUS=serving") } == 2 })
            #expect(lines().count { $0 == "READY=1" } == 1)
            #expect(try run(Programs.musicfs, "shutdown", "--name", library.name).status == 0)
            #expect(lines().contains("STOPPING=1"))
        }
    }
}
