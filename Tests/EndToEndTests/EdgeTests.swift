import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// The strict half: every byte of hostile libraries, every odd way to write, how soon changes show.
@Suite(.serialized, .enabled(if: canMount)) struct EdgeTests {
    /// Compares every file of a mount with the file that it says it shows: bytes, size, time in nanoseconds.
    ///
    /// - Returns: how many files there are.
    private func verify(_ library: MountedLibrary) throws -> Int {
        let script = """
            import os, sys
            count = 0
            for folder, _, names in os.walk(os.fsencode(sys.argv[1]), onerror=lambda e: print("walk:", e)):
                for name in names:
                    path = os.path.join(folder, name)
                    real = os.getxattr(path, "user.musicfs.real_path")
                    shown, original = os.stat(path), os.stat(real)
                    count += 1
                    if shown.st_size != original.st_size: print("size of", path, shown.st_size, original.st_size)
                    if shown.st_mtime_ns != original.st_mtime_ns: print("mtime of", path, real)
                    with open(path, "rb") as a, open(real, "rb") as b:
                        if a.read() != b.read(): print("content of", path, real)
            print(count)
            """
        let outcome = try run("python3", "-c", script, library.mount.description)
        let lines = outcome.text.split(separator: "\n")
        #expect(outcome.status == 0 && lines.count == 1, "\(outcome.text)")
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
        let shown = try paths(library.mount, ["-type", "f"])
        #expect(shown.count == (try paths(library.origin, ["-type", "f", "-not", "-name", ".*"])).count)
        #expect(Set(shown).count == shown.count)
        for path in try paths(library.mount) {
            #expect(path.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "\(path)")
            for part in path.split(separator: UInt8(ascii: "/")) {
                #expect(part.count <= 255 && part != [0x2e] && part != [0x2e, 0x2e], "\(path)")
            }
        }
        #expect(try verify(library) == shown.count)
        #expect(try library.status().restarts == 0)
    }

    @Test func brokenFilesAreServedByteForByte() throws {
        let library = try MountedLibrary()
        try library.generate("--sample", "--seed", "6")
        let formats: Set = ["flac", "mp3", "ogg", "opus", "m4a", "wav", "aiff", "wv"]
        let originals = try paths(library.origin, ["-type", "f"]).map { String(decoding: $0, as: UTF8.self) }
            .filter { formats.contains($0.split(separator: ".").last.map(String.init) ?? "") }.sorted()
        try #require(originals.count == 60)
        var random = SeededGenerator(seed: 6)
        for number in 0..<200 {
            let source = originals[number % originals.count]
            var bytes = try readFile(library.origin.appending(source))
            if number % 4 == 0 {
                bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            } else {
                // Anywhere, and half of the time in the tags, which mostly come first.
                for _ in 0..<Int.random(in: 1...40, using: &random) {
                    let limit = Bool.random(using: &random) ? min(2048, bytes.count) : bytes.count
                    bytes[Int.random(in: 0..<limit, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            let suffix = source.split(separator: ".").last ?? "mp3"
            try writeFileAtomically(library.origin.appending("mutated-\(number).\(suffix)"), bytes)
        }
        let suffixes = ["flac", "mp3", "ogg", "opus", "m4a", "wav", "aiff", "wv", "ape", "mpc", "tta", "dsf", "wma"]
        for number in 0..<50 {
            let bytes = (0..<Int.random(in: 0..<20_000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let name = "random-\(number).\(suffixes[number % suffixes.count])"
            try writeFileAtomically(library.origin.appending(name), bytes)
        }
        try library.start()
        let status = try library.status()
        print("quarantined: \(status.quarantined) of \(status.tracks)")
        #expect(status.tracks == 310 && status.quarantined > 0 && status.restarts == 0)
        #expect(try verify(library) == paths(library.origin, ["-type", "f", "-not", "-name", ".*"]).count)
    }

    /// The ways to write that the common table leaves out.
    @Test func oddWaysToWriteAreRefusedToo() throws {
        let library = try MountedLibrary()
        try tagged(library.origin.appending("a.flac"), title: "One")
        try library.start()
        let script = """
            import errno, os, sys
            root, folder = sys.argv[1], sys.argv[1] + "/A"
            file, new = folder + "/Album [FLAC]/One.flac", folder + "/new"
            assert os.path.isfile(file)
            calls = {
                "create exclusively": lambda: os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644),
                "write": lambda: os.open(file, os.O_WRONLY),
                "open truncating": lambda: os.open(file, os.O_WRONLY | os.O_TRUNC),
                "temporary file": lambda: os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600),
                "rename a directory": lambda: os.rename(folder, root + "/B"),
                "rename over": lambda: os.rename(folder, folder + "/Album [FLAC]/x"),
                "utimens now": lambda: os.utime(file),
                "times of a directory": lambda: os.utime(folder, (1, 1)),
                "chmod of the root": lambda: os.chmod(root, 0o700),
                "setxattr of ours": lambda: os.setxattr(file, "user.musicfs.origin", b"b"),
                "mkfifo": lambda: os.mkfifo(new),
            }
            # EINVAL: a directory cannot move into itself, whatever the file system is.
            others = {"rename over": {errno.EROFS, errno.EINVAL}}
            for name, call in calls.items():
                try:
                    call()
                    print(name, "worked")
                except OSError as error:
                    if error.errno not in others.get(name, {errno.EROFS}): print(name, errno.errorcode[error.errno])
            print(len(calls), "calls")
            """
        let outcome = try run("python3", "-c", script, library.mount.description)
        #expect(outcome.text == "11 calls\n")
        #expect(try verify(library) == 1)
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
