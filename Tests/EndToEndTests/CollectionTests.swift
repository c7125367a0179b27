import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// `musicfs collection`, with a daemon and without.
    @Suite struct CollectionTests {
        private struct Collection: Decodable, Equatable {
            var name: String
            var query: String
            var built_in: Bool
        }

        private struct Contents: Decodable {
            struct Track: Decodable {
                var track_id: Int
                var path: String
                var duration_ms: Int?
            }
            var name: String
            var tracks: [Track]
        }

        private func decode<T: Decodable>(_ type: T.Type, _ outcome: Outcome) throws -> T {
            try #require(outcome.status == 0, "\(outcome.text)")
            return try JSONDecoder().decode(type, from: Data(outcome.text.utf8))
        }

        /// Runs a command of an instance, and where no daemon runs with its directories.
        private func collection(_ library: MountedLibrary, _ arguments: String...) throws -> Outcome {
            let home = library.directory.path
            return try run(
                [
                    "env", "MUSICFS_CACHE_DIR=\(home)/cache", "MUSICFS_STATE_DIR=\(home)/state",
                    "MUSICFS_MOUNT_POINT=\(library.mount)", Programs.musicfs, "collection",
                ] + arguments.prefix(1) + ["--name", library.name] + arguments.dropFirst())
        }

        private func paths(_ playlist: String) -> [String] {
            playlist.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        }

        /// The collection as a directory of links and as a playlist in the mount.
        private func compareDirectory(_ library: MountedLibrary, _ name: String, _ tracks: [String]) throws {
            let root = library.mount.appending(".collections")
            let names = try run("ls", "-A", root.description).text
            for wanted in ["Most Played", "Recently Added.m3u8", name, "\(name).m3u8"] {
                #expect(names.contains("\(wanted)\n"), "\(names)")
            }
            let links = try run("bash", "-c", "cd \"$1\" && realpath -- *", "-", root.appending(name).description).text
            #expect(links.split(separator: "\n").map(String.init) == tracks.map { "\(library.mount)\($0)" })
            let playlist = try String(decoding: readFile(root.appending("\(name).m3u8")), as: UTF8.self)
            #expect(paths(playlist) == tracks.map { "..\($0)" })
            #expect(try run("ls", root.appending("None").description).status != 0)
        }

        /// Holds a track open for as long as makes it one that was played.
        ///
        /// - Returns: its path in the mount.
        private func play(_ library: MountedLibrary) throws -> String {
            let tracks = try decode(Contents.self, collection(library, "show", "Recently Added", "--json")).tracks
            let track = try #require(tracks.min { ($0.duration_ms ?? .max) < ($1.duration_ms ?? .max) })
            let needed = UInt64(try #require(track.duration_ms)) * 500_000 + 100_000_000
            let begin = monotonicNanoseconds()
            let file = try open(library.mount.appending(String(track.path.dropFirst())), [.read])
            _ = try readFully(file.raw, at: 0, count: 4096)
            #expect(eventually(30) { monotonicNanoseconds() - begin > needed })
            return track.path
        }

        @Test(.timeLimit(.minutes(1))) func collectionsAreTheSameWithADaemonAndWithout() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "30")
            try library.start()
            let audio = Set(try library.files().filter { !$0.hasSuffix(".jpg") && !$0.hasSuffix(".lrc") })
            let added = try collection(library, "add", "New — ones", "added:<2d OR added:<1d", "--json")
            #expect(try decode(Collection.self, added).query == "added:<2d OR added:<1d")
            // What can be searched for, with the index of the daemon or that which it has left.
            #expect(try collection(library, "add", "Found", "(format:flac OR format:mp3) added:<1d").status == 0)
            let isFound = try eventually(20) {
                let outcome = try collection(library, "show", "Found", "--json")
                return try outcome.status == 0 && decode(Contents.self, outcome).tracks.count > 5
            }
            #expect(isFound)
            // A query that begins with a dash stands behind two of them.
            let dashed = try collection(library, "add", "--json", "Dashed", "--", "-played:<1h added:<1d")
            #expect(try decode(Collection.self, dashed).query == "-played:<1h added:<1d")
            #expect(try collection(library, "add", "Dashed", "-played:<1h").status == 64)
            let played = try play(library)
            #expect(try collection(library, "add", "Fresh", "played:never added:<1d").status == 0)
            let isNoted = try eventually {
                try decode(Contents.self, collection(library, "show", "Most Played", "--json")).tracks.map(\.path)
                    == [played]
            }
            #expect(isNoted)
            let file = library.directory.path.appending("list.m3u8").description
            var lists: [[Collection]] = []
            var exports: [String] = []
            for isServed in [true, false] {
                if !isServed { try library.unmount() }
                let list = try decode([Collection].self, collection(library, "list", "--json"))
                lists.append(list)
                #expect(list.map(\.name).starts(with: ["Recently Added", "Recently Played", "Most Played"]))
                #expect(list.last?.name == "New — ones" && list.last?.built_in == false)
                let decades = list.filter { $0.name.hasSuffix("0s") }
                #expect(!decades.isEmpty && decades.allSatisfy(\.built_in))

                let contents = try decode(
                    Contents.self, collection(library, "show", "New — ones", "--json"))
                let recent = try decode(Contents.self, collection(library, "show", "Recently Added", "--json"))
                #expect(contents.tracks.map(\.path) == recent.tracks.map(\.path) && !recent.tracks.isEmpty)
                #expect(Set(contents.tracks.map { String($0.path.dropFirst()) }).isSubset(of: audio))
                #expect(
                    try collection(library, "show", "Recently Added", "--limit", "3").text.split(separator: "\n").count
                        == 3)
                let dated = try decades.reduce(0) {
                    try $0 + decode(Contents.self, collection(library, "show", $1.name, "--json")).tracks.count
                }
                #expect(dated > 0 && dated <= audio.count)

                let found = try decode(Contents.self, collection(library, "show", "Found", "--json")).tracks.map(\.path)
                let wanted = recent.tracks.map(\.path).filter { $0.hasSuffix(".flac") || $0.hasSuffix(".mp3") }
                #expect(found == wanted)
                for name in ["Recently Played", "Most Played"] {
                    let tracks = try decode(Contents.self, collection(library, "show", name, "--json")).tracks
                    #expect(tracks.map(\.path) == [played], "\(name)")
                }
                // In a decomposed form it is the same name.
                let added = try collection(library, "add", "--replace", "Fre\u{301}sh", "played:never added:<1d")
                #expect(added.status == 0)
                #expect(
                    try collection(library, "show", "Fr\u{e9}sh").text
                        == collection(library, "show", "Fre\u{301}sh").text)
                #expect(try collection(library, "remove", "Fre\u{301}sh").status == 0)
                let dashed = try decode(Contents.self, collection(library, "show", "Dashed", "--json")).tracks
                #expect(dashed.map(\.path) == recent.tracks.map(\.path).filter { $0 != played })
                let fresh = try decode(Contents.self, collection(library, "show", "Fresh", "--json")).tracks
                #expect(fresh.map(\.path) == recent.tracks.map(\.path).filter { $0 != played })

                let text = try collection(library, "export", "New — ones").text
                exports.append(text)
                #expect(
                    text.hasPrefix("#EXTM3U\n#EXTINF:") && paths(text).map { "/" + $0 } == contents.tracks.map(\.path))
                #expect(try collection(library, "export", "New — ones", "--absolute", "--output", file).status == 0)
                let written = try String(decoding: readFile(FilePath(file)), as: UTF8.self)
                #expect(paths(written) == contents.tracks.map { "\(library.mount)\($0.path)" })
                if isServed { try compareDirectory(library, "New — ones", contents.tracks.map(\.path)) }
                if isServed { for path in paths(written) { #expect(FileManager.default.isReadableFile(atPath: path)) } }

                for (arguments, status, text) in [
                    (["add", "1980s", "x"], 1, "always there"), (["add", "New — ones", "x"], 1, "--replace"),
                    (["add", "x", "jazz (played:soon"], 64, "character 14"), (["add", "a/b", "x"], 64, "slash"),
                    (["show", "Fresh", "--limit", "-5"], 64, "--limit must be"),
                    (["show", "Fresh", "--limit", "0"], 64, "--limit must be"),
                    (["show", "none"], 1, "collection list"), (["remove", "Most Played"], 1, "always there"),
                    (["export", "New — ones", "--json"], 64, "--output"),
                    (["export", "none", "--output", "\(file)x"], 1, "no collection"),
                ] as [([String], Int32, String)] {
                    let home = library.directory.path
                    let outcome = try run(
                        [
                            "env", "MUSICFS_CACHE_DIR=\(home)/cache", "MUSICFS_STATE_DIR=\(home)/state",
                            "MUSICFS_MOUNT_POINT=\(library.mount)", Programs.musicfs, "collection",
                        ] + arguments + ["--name", library.name])
                    #expect(outcome.status == status && outcome.text.contains(text), "\(arguments): \(outcome)")
                }
                #expect(!FileManager.default.fileExists(atPath: "\(file)x"))
            }
            #expect(lists[0] == lists[1] && exports[0] == exports[1])
            // What was made without a daemon is there with one, and the other way round.
            #expect(try collection(library, "add", "--replace", "New — ones", "added:<3d").status == 0)
            try library.start()
            #expect(try collection(library, "list").text.contains("New — ones: added:<3d\n"))
            #expect(try collection(library, "remove", "New — ones").text == "removed New — ones: added:<3d\n")
            #expect(try collection(library, "remove", "New — ones").status == 1)
        }

        @Test(.timeLimit(.minutes(1))) func collectionsOutliveDamageAndComeBackFromABackup() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "6")
            try library.start()
            let state = library.directory.path.appending("state/\(library.name)")
            let backup = library.directory.path.appending("backup").description
            #expect(try collection(library, "add", "Mine", "added:<1y").status == 0)
            #expect(try run(Programs.musicfs, "backup", backup, "--name", library.name).status == 0)
            #expect(try collection(library, "remove", "Mine").status == 0)
            let restored = try run(Programs.musicfs, "restore", backup, "--name", library.name)
            #expect(restored.status == 0, "\(restored.text)")
            #expect(try collection(library, "list").text.contains("Mine: added:<1y"))
            #expect(try collection(library, "add", "Other", "added:<2y").status == 0)
            // Backed up by itself, and then damaged under the daemon.
            let script = """
                import glob, sqlite3, sys
                for path in glob.glob(sys.argv[1] + "/backups/*.db"):
                    try: print(sqlite3.connect(path).execute("SELECT count(*) FROM collections").fetchone()[0])
                    except sqlite3.Error: pass
                """
            #expect(try eventually(20) { try run("python3", "-c", script, state.description).text.contains("2") })
            let file = try open(state.appending("curation.db"), [.write])
            try writeFully(file.raw, [UInt8](repeating: 0x55, count: 9000))
            #expect(
                eventually {
                    let text = (try? collection(library, "list").text) ?? ""
                    return text.contains("Mine: added:<1y") && text.contains("Other: added:<2y")
                })
            #expect(try collection(library, "show", "Other").text.split(separator: "\n").count >= 6)
            // The next server knows the names before anybody asks for one.
            let directory = library.mount.appending(".collections").appending("Other")
            #expect(try run("ls", directory.description).text.split(separator: "\n").count >= 6)
            for _ in 0..<2 {
                let pid = try library.status().pid
                kill(pid, SIGKILL)
                #expect(try run("ls", directory.description).text.split(separator: "\n").count >= 6)
                #expect(eventually { (try? library.status().pid).map { $0 != pid } ?? false })
            }
        }
    }
}
