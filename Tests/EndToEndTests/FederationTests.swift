import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEndRemote {
    /// Two origins that share music (D18, D19).
    @Suite struct FederationTests {
        private struct Info: Decodable {
            struct Replica: Decodable, Hashable {
                var origin: String
                var real_path: String
                var preferred: Bool
            }
            var size: Int64
            var replicas: [Replica]
        }

        /// A library with a second origin, which is known as `local-2`.
        private func makeLibrary() throws -> (library: MountedLibrary, second: FilePath) {
            let library = try MountedLibrary()
            let second = library.directory.path.appending("second")
            try createDirectories(second)
            library.extraArguments = ["--origin", second.description]
            return (library, second)
        }

        /// Mounts, and waits until both origins have been scanned. Each gets files that stay, since an origin whose files
        /// all vanish is taken for one that is missing.
        private func start(_ library: MountedLibrary, _ second: FilePath) throws {
            for origin in [library.origin, second] {
                for name in ["1.mp3", "2.mp3", "3.mp3"] {
                    try writeFileAtomically(origin.appending(name), Array("x".utf8))
                }
            }
            try library.start()
            #expect(try library.scan().status == 0)
        }

        /// Encodes a track; tones of different pitch are different audio.
        private func encode(_ path: FilePath, title: String, pitch: Int = 440, comment: String = "") throws {
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=frequency=\(pitch):duration=2", "-metadata",
                "artist=A", "-metadata", "album=B", "-metadata", "title=\(title)", "-metadata", "comment=\(comment)",
                "-c:a", "flac", path.description)
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        /// The files with tags.
        private func files(_ library: MountedLibrary) throws -> [String] {
            try library.files().filter { $0.hasSuffix(".flac") }
        }

        private func info(_ library: MountedLibrary, _ file: String) throws -> Info {
            let outcome = try run(
                Programs.musicfs, "info", "--name", library.name, "--json", library.mount.appending(file).description)
            return try JSONDecoder().decode(Info.self, from: Data(outcome.text.utf8))
        }

        private func content(_ fd: borrowing OwnedFD) throws -> [UInt8] {
            try readFully(fd.raw, at: 0, count: 10 << 20)
        }

        @Test func equalFilesAreOneAndTheOtherServesWhenThePreferredIsRemoved() throws {
            let (library, second) = try makeLibrary()
            let first = library.origin.appending("x.flac")
            let copy = second.appending("elsewhere/y.flac")
            try createDirectories(copy.parent)
            try encode(first, title: "T")
            let bytes = try readFile(first)
            try writeFileAtomically(copy, bytes)
            try start(library, second)
            let file = "A/B [FLAC]/T.flac"
            #expect(try files(library) == [file])
            #expect(
                try info(library, file).replicas == [
                    .init(origin: "local", real_path: first.description, preferred: true),
                    .init(origin: "local-2", real_path: copy.description, preferred: false),
                ])
            let path = library.mount.appending(file)
            let old = try open(path, .read)

            try unlink(first)
            #expect(try eventually { try library.realPath(file) == copy.description })
            #expect(try files(library) == [file])
            #expect(try readFile(path, limit: 10 << 20) == bytes)
            #expect(try content(old) == bytes)
            #expect(try info(library, file).replicas.map(\.origin) == ["local-2"])

            // It comes back under another name, and is preferred again.
            let again = library.origin.appending("z.flac")
            try writeFileAtomically(again, bytes)
            #expect(try eventually { try library.realPath(file) == again.description })
            #expect(try files(library) == [file])
            #expect(try info(library, file).replicas.map(\.origin) == ["local", "local-2"])

            try unlink(copy)
            try unlink(again)
            #expect(try eventually { try files(library).isEmpty })
        }

        @Test func ofTheSameAudioWithOtherTagsThePreferredOriginsIsShown() throws {
            let (library, second) = try makeLibrary()
            let first = library.origin.appending("x.flac")
            let other = second.appending("x.flac")
            let retitled = second.appending("r.flac")
            try encode(first, title: "T", comment: "first")
            try encode(other, title: "T", comment: String(repeating: "other", count: 4000))
            try encode(library.origin.appending("r.flac"), title: "Right", pitch: 880)
            try encode(retitled, title: "Wrong", pitch: 880)
            try start(library, second)
            let file = "A/B [FLAC]/T.flac"
            #expect(try files(library) == ["A/B [FLAC]/Right.flac", file])
            #expect(try info(library, file).replicas.map(\.origin) == ["local"])
            let path = library.mount.appending(file)
            let bytes = try readFile(first)
            let old = try open(path, .read)
            #expect(try content(old) == bytes)

            try unlink(first)
            #expect(try eventually { try library.realPath(file) == other.description })
            // A new open has the other's bytes and size, while the old handle keeps its own.
            let otherBytes = try readFile(other)
            #expect(otherBytes != bytes)
            #expect(try FileStatus.of(path).size == Int64(otherBytes.count))
            #expect(try readFile(path, limit: 10 << 20) == otherBytes)
            #expect(try content(old) == bytes)

            try unlink(library.origin.appending("r.flac"))
            #expect(try eventually { try files(library) == [file, "A/B [FLAC]/Wrong.flac"] })
            #expect(try library.realPath("A/B [FLAC]/Wrong.flac") == retitled.description)
        }

        @Test func differentTracksOfOneNameAreBothThere() throws {
            let (library, second) = try makeLibrary()
            let first = library.origin.appending("z.flac")
            let other = second.appending("a.flac")
            try encode(first, title: "T", pitch: 440)
            try encode(other, title: "T", pitch: 880)
            try start(library, second)
            // By origin before path (D19).
            let names = ["A/B [FLAC]/T (2).flac", "A/B [FLAC]/T.flac"]
            #expect(try files(library) == names)
            #expect(try library.realPath(names[1]) == first.description)
            #expect(try library.realPath(names[0]) == other.description)
            for name in names {
                #expect(try run("cmp", library.mount.appending(name).description, library.realPath(name)).status == 0)
            }
            try unlink(first)
            #expect(try eventually { try files(library) == ["A/B [FLAC]/T.flac"] })
            #expect(try eventually { try library.realPath("A/B [FLAC]/T.flac") == other.description })
        }

        @Test func copiesInOneOriginAreFilesOfTheirOwnEachWithItsReplica() throws {
            let (library, second) = try makeLibrary()
            try encode(library.origin.appending("a.flac"), title: "T")
            let bytes = try readFile(library.origin.appending("a.flac"))
            for path in [library.origin.appending("b.flac"), second.appending("a.flac"), second.appending("b.flac")] {
                try writeFileAtomically(path, bytes)
            }
            try start(library, second)
            let names = ["A/B [FLAC]/T (2).flac", "A/B [FLAC]/T.flac"]
            #expect(try files(library) == names)
            for name in names { #expect(try info(library, name).replicas.map(\.origin) == ["local", "local-2"]) }
            #expect(try library.status().tracks == 2 + 6)
        }

        @Test(arguments: [0, 200]) func theLowerPriorityIsPreferred(priority: Int) throws {
            let library = try MountedLibrary()
            let second = library.directory.path.appending("second")
            try createDirectories(second)
            let configuration = library.directory.path.appending("config.toml")
            let text = "[[origins]]\nid = \"other\"\npath = \"\(second)\"\npriority = \(priority)\n"
            try writeFileAtomically(configuration, Array(text.utf8))
            library.extraArguments = ["--config", configuration.description]
            let copies = [library.origin.appending("x.flac"), second.appending("x.flac")]
            try encode(copies[0], title: "T")
            try writeFileAtomically(copies[1], try readFile(copies[0]))
            try start(library, second)
            let file = "A/B [FLAC]/T.flac"
            #expect(try files(library) == [file])
            #expect(try library.realPath(file) == copies[priority == 0 ? 1 : 0].description)
            #expect(try info(library, file).replicas.count == 2)

            // The other way round, for a library that there is already.
            try library.unmount()
            let swapped = text.replacingOccurrences(of: "priority = \(priority)", with: "priority = \(200 - priority)")
            try writeFileAtomically(configuration, Array(swapped.utf8))
            try start(library, second)
            let preferred = copies[priority == 0 ? 0 : 1].description
            #expect(try eventually { try library.realPath(file) == preferred })
            #expect(try files(library) == [file])
        }
    }
}
