import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The strict half: every byte of hostile libraries, how soon changes show.
    @Suite struct EdgeTests {
        /// Compares every file of a mount with the file that it says it shows: bytes, size, time in nanoseconds. Every
        /// file of the origin that is not hidden must be shown, once.
        ///
        /// - Returns: how many files there are.
        private func verify(_ library: MountedLibrary) throws -> Int {
            let script = """
                import os, sys
                mount, origin = map(os.fsencode, sys.argv[1:])
                def files(root):
                    for folder, _, names in os.walk(root, onerror=lambda e: print("walk:", e)):
                        for name in names: yield os.path.join(folder, name)
                left = {path for path in files(origin) if not os.path.basename(path).startswith(b".")}
                count = 0
                for path in files(mount):
                    real = os.getxattr(path, "user.musicfs.real_path")
                    if real not in left: print("shown twice, or no file of the origin:", path, real)
                    left.discard(real)
                    shown, original = os.stat(path), os.stat(real)
                    count += 1
                    if shown.st_size != original.st_size: print("size of", path, shown.st_size, original.st_size)
                    if shown.st_mtime_ns != original.st_mtime_ns: print("mtime of", path, real)
                    with open(path, "rb") as a, open(real, "rb") as b:
                        if a.read() != b.read(): print("content of", path, real)
                for path in left: print("not shown:", path)
                print(count)
                """
            let outcome = try run("python3", "-c", script, library.mount.description, library.origin.description)
            let lines = outcome.text.split(separator: "\n")
            #expect(outcome.status == 0 && lines.count == 1, "\(outcome.text.prefix(2000))")
            return lines.last.flatMap { Int($0) } ?? -1
        }

        /// Every path under a directory, relative, as bytes.
        private func paths(_ directory: FilePath, _ tests: [String] = []) throws -> [[UInt8]] {
            let result = try runProgram(["find", "\(directory)", "-mindepth", "1"] + tests + ["-printf", "%P\\0"])
            return result.output.split(separator: 0).map { Array($0) }
        }

        private func tagged(_ file: FilePath, title: String) throws {
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=0.2", "-metadata", "artist=A",
                "-metadata", "album=Album", "-metadata", "title=\(title)", "-c:a", "flac", "\(file)")
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        @Test func evilNamesHoldNoControlByteAndEveryFileIsThere() throws {
            let library = try MountedLibrary()
            try library.generate("--sample", "--evil", "--seed", "7")
            try library.start()
            let server = try library.status().pid
            let shown = try paths(library.mount, ["-type", "f"])
            #expect(shown.count == (try paths(library.origin, ["-type", "f", "-not", "-name", ".*"])).count)
            #expect(Set(shown).count == shown.count)
            var longest = 0
            for path in try paths(library.mount) {
                let text = try #require(String(validating: path, as: UTF8.self), "not UTF-8: \(path)")
                #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(path)")
                for part in path.split(separator: UInt8(ascii: "/")) {
                    #expect(part.count <= 255 && part != [0x2e] && part != [0x2e, 0x2e], "\(path)")
                    longest = max(longest, part.count)
                }
            }
            // The evil tags did come through: cut as little as need be, and neither expanded nor lost.
            #expect(longest > 250)
            let titles = shown.map { Data($0.split(separator: UInt8(ascii: "/")).last ?? []) }
            for title in ["$title", "שלום عالم 123", "龍龍龍", "e\u{301}\u{301}", "before", "passwd", "STRASSE"] {
                let wanted = Data(title.precomposedStringWithCanonicalMapping.utf8)
                #expect(titles.contains { $0.range(of: wanted) != nil }, "\(title)")
            }
            #expect(try verify(library) == shown.count)
            let status = try library.status()
            #expect(status.pid == server && status.restarts == 0)
        }

        private struct Quarantined: Decodable {
            var path: String
            var reason: String
        }

        /// What the quarantine holds, by path below the origin.
        private func quarantine(_ library: MountedLibrary) throws -> [String: String] {
            let answer = try run(
                "curl", "-sS", "--fail", "--unix-socket", library.socket.description, "http://localhost/v1/quarantine")
            let entries = try JSONDecoder().decode([Quarantined].self, from: Data(answer.text.utf8))
            return Dictionary(entries.map { ($0.path, $0.reason) }) { first, _ in first }
        }

        /// Where the formats keep a length, in 3 or 4 bytes, big-endian or not, syncsafe or not: all ones are absurd in each.
        private static let lengths = [
            "flac": [5, 46], "mp3": [6, 14], "ogg": [24], "opus": [24], "m4a": [0], "wav": [4, 16], "aiff": [4, 16],
            "wv": [4, 12],
        ]
        /// Names after which or before which a length stands.
        private static let chunks = [
            "moov", "udta", "ilst", "data", "LIST", "COMM", "TIT2", "APETAGEX", "OpusTags", "vorbis",
        ]

        private func mutated(_ bytes: [UInt8], _ suffix: String, _ number: Int, _ random: inout SeededGenerator)
            -> [UInt8]
        {
            var bytes = bytes
            switch number % 4 {
            case 0: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            case 1:
                var places = Self.lengths[suffix] ?? []
                let data = Data(bytes)
                for chunk in Self.chunks {
                    guard let range = data.range(of: Data(chunk.utf8)) else { continue }
                    places += [range.lowerBound - 4, range.upperBound]
                }
                let absurd: [[UInt8]] = [
                    [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f],
                    [0x7f, 0x7f, 0x7f, 0x7f],
                    [0x80, 0, 0, 0], [0, 0, 0, 0x80], [0, 0, 0, 0],
                ]
                for _ in 0..<Int.random(in: 1...2, using: &random) {
                    let place = places.randomElement(using: &random) ?? 0
                    guard place >= 0, place + 4 <= bytes.count else { continue }
                    bytes.replaceSubrange(place..<place + 4, with: absurd.randomElement(using: &random) ?? [])
                }
            default:
                // Bits anywhere, and half of the time in the tags, which mostly come first.
                for _ in 0..<Int.random(in: 1...40, using: &random) {
                    let limit = Bool.random(using: &random) ? min(2048, bytes.count) : bytes.count
                    bytes[Int.random(in: 0..<limit, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            return bytes
        }

        @Test func brokenFilesAreServedByteForByteAndNamed() throws {
            let library = try MountedLibrary()
            try library.generate("--sample", "--seed", "6")
            let originals = try paths(library.origin, ["-type", "f"]).map { String(decoding: $0, as: UTF8.self) }
                .filter { Self.lengths[$0.split(separator: ".").last.map(String.init) ?? ""] != nil }.sorted()
            try #require(originals.count == 60)
            var random = SeededGenerator(seed: 6)
            for number in 0..<1000 {
                let source = originals[number % originals.count]
                let suffix = source.split(separator: ".").last.map(String.init) ?? ""
                let bytes = mutated(try readFile(library.origin.appending(source)), suffix, number, &random)
                try writeFileAtomically(library.origin.appending("mutated-\(number).\(suffix)"), bytes)
            }
            // Formats that begin with a word of their own, which random bytes lack; the rest is searched for a beginning.
            let marked = ["flac", "ogg", "opus", "m4a", "wav", "aiff", "ape", "tta", "dsf", "wma"]
            let suffixes = marked + ["mp3", "aac", "mpc", "wv"]
            for number in 0..<200 {
                let bytes = (0..<Int.random(in: 0..<20_000, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let name = "random-\(number).\(suffixes[number % suffixes.count])"
                try writeFileAtomically(library.origin.appending(name), bytes)
            }
            try library.start()
            let server = try library.status().pid
            #expect(try verify(library) == paths(library.origin, ["-type", "f", "-not", "-name", ".*"]).count)
            let status = try library.status()
            #expect(status.tracks == 1260 && status.restarts == 0 && status.pid == server)
            let quarantined = try quarantine(library)
            print("quarantined: \(status.quarantined) of \(status.tracks)")
            #expect(quarantined.count == status.quarantined && !quarantined.values.contains(""))
            #expect(quarantined.keys.allSatisfy { $0.hasPrefix("mutated-") || $0.hasPrefix("random-") })
            for number in 0..<200 where number % suffixes.count < marked.count {
                let name = "random-\(number).\(suffixes[number % suffixes.count])"
                #expect(quarantined[name] != nil, "\(name)")
            }
        }

        @Test func companionsAndDirectoriesFollowWithinTwoSeconds() throws {
            let library = try MountedLibrary()
            try createDirectories(library.origin.appending("in"))
            try createDirectories(library.origin.appending("stay"))
            for index in 0..<3 { try tagged(library.origin.appending("stay/\(index).flac"), title: "Stays \(index)") }
            try tagged(library.origin.appending("in/a.flac"), title: "One")
            try library.start()
            let album = library.mount.appending("A/Album [FLAC]")
            func measure(_ name: String, appears: Bool, _ change: () throws -> Void) throws {
                func isThere() -> Bool { (try? FileStatus.of(album.appending(name))) != nil }
                // Also makes the kernel remember a miss.
                #expect(isThere() != appears, "\(name)")
                try change()
                let start = monotonicNanoseconds()
                #expect(eventually { isThere() == appears }, "\(library.log)")
                let milliseconds = (monotonicNanoseconds() - start) / 1_000_000
                print("\(name) \(appears ? "visible" : "gone") after \(milliseconds) ms")
                #expect(milliseconds < 2000)
                #expect(try library.files().contains("A/Album [FLAC]/\(name)") == appears)
            }
            try measure("One.lrc", appears: true) {
                try writeFileAtomically(library.origin.appending("in/a.lrc"), Array("[00:00.00] la".utf8))
            }
            try tagged(library.directory.path.appending("b.flac"), title: "Two")
            try measure("Two.flac", appears: true) {
                try rename(library.directory.path.appending("b.flac"), to: library.origin.appending("in/b.flac"))
            }
            try measure("Two.flac", appears: false) { try unlink(library.origin.appending("in/b.flac")) }
            try measure("One.flac", appears: false) {
                try FileManager.default.removeItem(atPath: library.origin.appending("in").description)
            }
            #expect(try library.files().count == 3)
        }

        @Test func aMountPointInUseByAnotherInstanceIsRefused() throws {
            let first = try MountedLibrary()
            try first.start()
            let second = try MountedLibrary(origin: first.origin)
            let arguments = second.mountArguments.map { $0 == second.mount.description ? first.mount.description : $0 }
            let outcome = try run(["timeout", "20"] + arguments)
            #expect(outcome.status == 1 && outcome.text.split(separator: "\n").count == 1, "\(outcome.text)")
            #expect(outcome.text.contains("\(first.mount) is mounted already"), "\(outcome.text)")
            #expect(try first.status().state == "ready")
        }

        @Test(arguments: [true, false]) func filesInTheirPlaceAreRefused(isOrigin: Bool) throws {
            let library = try MountedLibrary()
            let place = isOrigin ? library.origin : library.mount
            try removeDirectory(place)
            try writeFileAtomically(place, [])
            let outcome = try run(["timeout", "20"] + library.mountArguments)
            #expect(outcome.status == 1 && outcome.text.split(separator: "\n").count == 1, "\(outcome.text)")
            #expect(outcome.text.contains("\(place)"), "\(outcome.text)")
        }
    }
}
