import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// `musicfs search`, with a daemon and without.
    @Suite struct SearchCommandTests {
        private struct Report: Decodable {
            struct Result: Decodable {
                var path: String
                var title: String?
                var highlights: [String: [String]]
            }
            var total: Int
            var corrected_to: String?
            var results: [Result]
        }

        private struct Statistics: Decodable {
            var documents: Int
            var pending: Int
            var state: String
        }

        private func search(_ library: MountedLibrary, _ arguments: String...) throws -> Report {
            let answer = try run([Programs.musicfs, "search", "--json", "--name", library.name] + arguments)
            return try JSONDecoder().decode(Report.self, from: Data(answer.text.utf8))
        }

        private func statistics(_ library: MountedLibrary) throws -> Statistics {
            let answer = try library.musicfs("search", "stats", "--json")
            return try JSONDecoder().decode(Statistics.self, from: Data(answer.text.utf8))
        }

        private func isReady(_ library: MountedLibrary, _ documents: Int) -> Bool {
            eventually(20) {
                guard let found = try? statistics(library) else { return false }
                return found.state == "ready" && found.documents == documents && found.pending == 0
            }
        }

        private func makeTrack(_ library: MountedLibrary, _ name: String, title: String) throws {
            let file = library.directory.path.appending("new.flac")
            let made = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=0.2", "-metadata",
                "artist=Pink Floyd", "-metadata", "album=The Dark Side", "-metadata", "title=\(title)", "-metadata",
                "date=1973", "-c:a", "flac", file.description)
            try #require(made.status == 0, "\(made.text)")
            try rename(file, to: library.origin.appending(name))
        }

        @Test(.timeLimit(.minutes(2))) func whatIsFoundFollowsTheLibraryAndOutlivesItsDaemonAndDamage() throws {
            let library = try MountedLibrary()
            try makeTrack(library, "1.flac", title: "Time")
            try makeTrack(library, "2.flac", title: "Money")
            try library.start()
            #expect(isReady(library, 2))
            #expect(try search(library, "dark side").total == 2)
            let money = try search(library, "money", "artist:floyd", "year:1970..1979")
            #expect(money.results.map(\.path) == ["/Pink Floyd/The Dark Side (1973) [FLAC]/Money.flac"])
            #expect(money.results.first?.highlights == ["title": ["«Money»"], "artist": ["Pink «Floyd»"]])
            let corrected = try search(library, "mony")
            #expect(corrected.results.map(\.title) == ["Money"] && corrected.corrected_to == "money")
            let explained = try library.musicfs("search", "--explain", "money -live").text
            #expect(explained.contains("understood as and(word money, not(word live))"), "\(explained)")
            #expect(explained.contains("word money, rarity"), "\(explained)")

            // A retag that moves nothing but the title is found within two seconds.
            let begin = monotonicNanoseconds()
            try makeTrack(library, "2.flac", title: "Eclipse")
            #expect(try eventually(10) { try search(library, "eclipse").total == 1 })
            print("found \((monotonicNanoseconds() - begin) / 1_000_000) ms after the retag began")
            #expect(try search(library, "title:money").total == 0)

            let paths = try library.musicfs("search", "--paths0", "eclipse").text.split(separator: "\0")
            #expect(paths.count == 1 && paths.allSatisfy { FileManager.default.fileExists(atPath: String($0)) })

            // A byte of the index is changed while nobody serves: it is built anew by the next server.
            try library.unmount()
            let index = try #require(
                try shell("ls -d '\(library.directory.path)'/cache/*/search/*/*.segment").text.split(separator: "\n")
                    .first)
            let bytes = try readFile(FilePath(String(index)))
            var damaged = bytes
            damaged[bytes.count / 2] ^= 0x40
            try writeFileAtomically(FilePath(String(index)), damaged)
            try library.start()
            #expect(isReady(library, 2))
            #expect(library.log.contains("the search index is built anew"))
            #expect(try search(library, "eclipse").total == 1)

            // And by command.
            #expect(try library.musicfs("search", "rebuild").status == 0)
            #expect(isReady(library, 2))
            #expect(try search(library, "time").total == 1)
        }

        @Test(.timeLimit(.minutes(2))) func withoutADaemonTheIndexIsRead() throws {
            let library = try MountedLibrary()
            library.configuration = "[[origins]]\nid = \"local\"\ntype = \"local\"\npath = \"\(library.origin)\""
            try makeTrack(library, "1.flac", title: "Time")
            try library.start()
            #expect(isReady(library, 1))
            try library.unmount()
            let configuration = library.directory.path.appending("config.toml").description
            func alone(_ arguments: String...) throws -> Outcome {
                try run(
                    [Programs.musicfs, "--config", configuration, "search"] + arguments + ["--name", library.name])
            }
            #expect(try alone("time").text.contains("Pink Floyd - Time (The Dark Side, 1973)"))
            #expect(try alone("stats").text.contains("1 tracks"))
            #expect(try alone("rebuild").status == 0)
            #expect(try alone("time").status == 1)
        }

        @Test(.timeLimit(.minutes(1))) func textOfTagsAndNamesCannotPlayWithTheTerminal() throws {
            let library = try MountedLibrary()
            let title = "Clear\u{1b}[2J\u{202e}Screen"
            try makeTrack(library, "1\u{1b}[2J.flac", title: title)
            try library.start()
            #expect(isReady(library, 1))
            let file = library.mount.appending(try #require(library.files().first)).description
            for (arguments, shown) in [
                (["search", "floyd"], "Clear\\u{1b}[2J\\u{202e}Screen"),
                (["collection", "show", "Recently Added"], "Clear [2J\\u{202e}Screen"),
                (["info", file], "local: \(library.origin)/1\\u{1b}[2J.flac"),
                (["info", file], "title: Clear\\u{1b}[2J\\u{202e}Screen"),
            ] {
                let text = try run([Programs.musicfs] + arguments + ["--name", library.name]).text
                #expect(text.contains(shown), "\(arguments): \(text.debugDescription)")
                let isSafe = text.unicodeScalars.allSatisfy {
                    $0 == "\n" || $0 == "\t" || $0.value >= 0x20 && $0 != "\u{202e}"
                }
                #expect(isSafe, "\(arguments): \(text.debugDescription)")
            }
            let missing = try run(
                "bash", "-c", "exec \"$@\" 2>&1", "bash", Programs.musicfs, "info", "\(file)\u{1b}", "--name",
                library.name)
            #expect(missing.status == 1 && missing.text.contains(".flac\\u{1b}"), "\(missing.text.debugDescription)")
            // For programs it is what it is.
            #expect(try search(library, "floyd").results.map(\.title) == [title])
        }

        @Test(.timeLimit(.minutes(1))) func aQueryThatCannotBeReadIsAnErrorThatSaysWhere() throws {
            let library = try MountedLibrary()
            try library.start(waitsForScan: false)
            #expect(isReady(library, 0))
            for (query, message) in [
                ("", "empty"), ("   ", "empty"), ("(", "something is missing"), ("a)", "closes nothing"),
                ("\"a", "quote"), ("*", "no word"), ("a~3", "typing errors"), ("year:[9 TO", "not closed"),
                ("a\u{1}b", "control character"), (String(repeating: "x", count: 10_000), "at most 256"),
                ("nothing:x", "no field"),
            ] {
                let outcome = try run(
                    "bash", "-c", "exec \"$@\" 2>&1", "bash", Programs.musicfs, "search", "--name", library.name, "--",
                    query)
                #expect(outcome.status == 64, "\(query.prefix(20)): \(outcome.text)")
                #expect(outcome.text.contains("character ") && outcome.text.contains(message), "\(outcome.text)")
            }
            #expect(try library.status().restarts == 0)
        }
    }
}
