import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// What is noted of plays, and what is fetched before they begin.
    @Suite struct HistoryTests {
        private struct Row: Decodable {
            var play: Bool
            var held_s: Double?
            var origin: String
            var real_path: String
            var path: String?
        }

        private func rows(_ library: MountedLibrary, _ arguments: String...) throws -> [Row] {
            let answer = try run([Programs.musicfs, "history", "--json", "--name", library.name] + arguments)
            return try JSONDecoder().decode([Row].self, from: Data(answer.text.utf8))
        }

        /// Opens, reads and closes, as a media server does.
        private func scan(_ library: MountedLibrary, _ file: String) throws -> Outcome {
            try shell("cat '\(library.mount.appending(file))' > /dev/null")
        }

        private func encode(_ path: FilePath, track: Int, seconds: Int, isNoise: Bool = false) throws {
            try createDirectories(path.parent)
            let source = isNoise ? "anoisesrc=duration=\(seconds):seed=\(track)" : "sine=duration=\(seconds)"
            let made = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-metadata", "artist=A", "-metadata",
                "album=B", "-metadata", "title=T\(track)", "-metadata", "track=\(track)", path.description)
            try #require(made.status == 0, "\(made.text)")
        }

        /// Starts mpd with an output that plays to nobody, in real time.
        private func startPlayer(_ library: MountedLibrary) throws -> (player: ChildProcess, socket: String) {
            let home = library.directory.path
            let socket = "\(home)/mpd.sock"
            let configuration = """
                music_directory "\(library.mount)"
                db_file "\(home)/mpd.db"
                pid_file "\(home)/mpd.pid"
                bind_to_address "\(socket)"
                audio_buffer_size "64"
                audio_output {
                    type "null"
                    name "null"
                    sync "yes"
                }
                """
            try writeFileAtomically(home.appending("mpd.conf"), Array(configuration.utf8))
            let null = try open("/dev/null", [.readWrite])
            let player = try ChildProcess.start(
                "/usr/bin/env", arguments: ["env", "mpd", "--no-daemon", "--stderr", "\(home)/mpd.conf"],
                descriptors: [(null.raw, 1), (null.raw, 2)])
            let isUp = try eventually { try run("mpc", "-h", socket, "version").status == 0 }
            try #require(isUp, "mpd did not start")
            return (player, socket)
        }

        @Test(.timeLimit(.minutes(1))) func aPlayerPlaysAndAScannerDoesNot() throws {
            let library = try MountedLibrary()
            for track in 1...2 { try encode(library.origin.appending("\(track).flac"), track: track, seconds: 70) }
            try encode(library.origin.appending("4.flac"), track: 4, seconds: 3)
            // So that a database that cannot be used is soon tried again.
            library.prefix = ["env", "MUSICFS_TEST_HURRY=100"]
            try library.start()
            // Nothing is noted before something is opened.
            #expect(try rows(library).isEmpty)
            let files = try library.files().filter { !$0.hasSuffix("T4.flac") }
            for file in files {
                #expect(try scan(library, file).status == 0)
            }
            #expect(try eventually { try rows(library).filter { $0.held_s != nil }.count == 2 })
            #expect(try rows(library, "--plays").isEmpty)
            #expect(Set(try rows(library).map(\.path)) == Set(files.map { library.mount.appending($0).description }))

            let (player, socket) = try startPlayer(library)
            defer {
                player.send(SIGTERM)
                _ = player.wait(until: monotonicNanoseconds() + 10_000_000_000)
            }
            #expect(try run("mpc", "-h", socket, "update", "--wait").status == 0)
            let song = try #require(
                try run("mpc", "-h", socket, "search", "title", "T4").text.split(separator: "\n").first)
            #expect(try run("mpc", "-h", socket, "add", String(song)).status == 0)
            #expect(try run("mpc", "-h", socket, "play").status == 0)
            #expect(try eventually(30) { try !rows(library, "--plays").isEmpty })
            let plays = try rows(library, "--plays")
            #expect(plays.map(\.real_path) == ["4.flac"] && plays.first?.held_s ?? 0 >= 1.5, "\(plays)")

            // The server that sees it released is not the one that saw it opened: it was played all the same.
            let short = try #require(try library.files().first { $0.hasSuffix("T4.flac") })
            let held = try open(library.mount.appending(short), [.read])
            let begin = monotonicNanoseconds()
            #expect(try eventually { try rows(library).contains { $0.held_s == nil } })
            kill(try library.status().pid, SIGKILL)
            #expect(try eventually { try library.status().restarts == 1 })
            #expect(eventually { monotonicNanoseconds() - begin > 1_600_000_000 })
            try held.close()
            #expect(try eventually { try rows(library, "--plays").count == 2 })
            let elapsed = Double(monotonicNanoseconds() - begin) / 1e9
            #expect((1.5...elapsed).contains(try rows(library, "--plays").first?.held_s ?? 0))

            let played = try library.musicfs("collection", "show", "Recently Played")
            #expect(played.text.contains("T4") && !played.text.contains("T1"), "\(played.text)")

            // Where a directory is no database can be made: told once, and noticed by no reader; then it goes on.
            let database = library.directory.path.appending("state/\(library.name)/history.db")
            try unlink(database)
            try createDirectories(database)
            for file in files + files {
                #expect(try scan(library, file).status == 0)
            }
            #expect(eventually { library.log.contains("nothing is noted in the history") })
            #expect(try library.musicfs("history").status == 1)
            try removeTree(database)
            let again = files[1]
            let isBack = try eventually {
                let isRead = try scan(library, again).status == 0
                return isRead && (try? rows(library))?.contains { $0.path?.hasSuffix(again) ?? false } ?? false
            }
            #expect(isBack && library.log.contains("the history can be written again"))
            #expect(library.log.components(separatedBy: "nothing is noted in the history").count == 2)

            // A local disk needs no fetching.
            let status = try library.musicfs("prefetch", "status", "--json").text
            #expect(status.contains(/"enabled":true/) && status.contains(/"fetched_files":0/), "\(status)")
            try library.unmount()
            let alone = try run(
                ["env", "MUSICFS_CACHE_DIR=\(library.directory.path)/cache"] + [
                    "MUSICFS_STATE_DIR=\(library.directory.path)/state", Programs.musicfs, "history",
                    "--name", library.name,
                ])
            #expect(alone.status == 0 && alone.text.contains("T2.flac"), "\(alone.text)")
        }

        /// An album is played from its first track to its last, from a server far away: how many tracks have to wait for
        /// it, and what that costs.
        @Test(.enabled(if: canServe), .timeLimit(.minutes(1)))
        func anAlbumWaitsForItsFirstTrackAlone() throws {
            let directory = try TestDirectory()
            let count = 5
            for track in 1...count {
                try encode(directory.path.appending("far/\(track).flac"), track: track, seconds: 20, isNoise: true)
            }
            let server = try RcloneServer(.webdav, directory.path.appending("far"))
            var waited: [Bool: Int] = [:]
            var bytes: [Bool: Int] = [:]
            for isEnabled in [false, true] {
                let library = try MountedLibrary()
                library.configuration = Section.webdav(server) + "[prefetch]\nenabled = \(isEnabled)\ntracks = 2\n"
                // So that a track is taken for played after 20 ms.
                library.prefix = ["env", "MUSICFS_TEST_HURRY=50"]
                try library.startAndScan(origins: 1)
                let files = try library.files()
                try #require(files.count == count)
                let begin = try library.cacheStats()
                // Who looks a file up there asks for it.
                let hint = library.mount.appending(".prefetch").appending(files[count - 1]).description
                #expect((try run("stat", hint).status == 0) == isEnabled)
                #expect(try eventually(20) { try library.prefetchStatus().fetched_files == (isEnabled ? 1 : 0) })
                for (number, file) in files.enumerated() {
                    let before = try library.cacheStats()
                    let path = library.mount.appending(file)
                    let held = try open(path, [.read])
                    #expect(try run("cmp", path.description, "\(directory.path)/far/\(number + 1).flac").status == 0)
                    if try library.cacheStats().misses > before.misses { waited[isEnabled, default: 0] += 1 }
                    // As long as it plays there is time to fetch the next ones.
                    let wanted = isEnabled ? min(number + 2, count - 2) + 1 : 0
                    let isFetched = try eventually(20) {
                        let state = try library.prefetchStatus()
                        return state.fetched_files >= wanted && state.running.isEmpty && state.pending.isEmpty
                    }
                    #expect(isFetched, "\(library.log)")
                    try held.close()
                }
                bytes[isEnabled] = try library.cacheStats().origins[0].fetched_bytes - begin.origins[0].fetched_bytes
                let state = try library.prefetchStatus()
                #expect(state.fetched_files == (isEnabled ? count - 1 : 0) && state.used_files == state.fetched_files)
                #expect(try library.musicfs("cache", "verify").status == 0)
            }
            #expect(waited == [false: count, true: 1])
            // Each byte is fetched once, whoever asks for it.
            let (plain, ahead) = (bytes[false] ?? 0, bytes[true] ?? 0)
            #expect(plain > 1_000_000 && ahead <= plain + plain / 50, "\(ahead) bytes instead of \(plain)")
            withExtendedLifetime(server) {}
        }
    }
}
