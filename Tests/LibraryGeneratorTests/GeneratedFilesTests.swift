import MusicFSSystem
import Testing

/// Runs the generator that was built with the tests.
private func generate(_ arguments: String...) throws -> ProgramResult {
    let program = try readLink("/proc/self/exe").parent.appending("musicfs-libgen")
    return try runProgram([program.description] + arguments)
}

extension ProgramResult {
    var text: String { String(decoding: output, as: UTF8.self) }
}

/// The files below a directory with their bytes, by their path relative to it.
private func contents(_ root: FilePath) throws -> [[UInt8]: [UInt8]] {
    var files: [[UInt8]: [UInt8]] = [:]
    func add(_ directory: FilePath, _ prefix: [UInt8]) throws {
        let opened = try open(directory, [.read, .directory])
        for entry in try listDirectory(opened.raw) {
            let path = directory.appending(entry.name)
            if entry.kind == .directory {
                try add(path, prefix + entry.name + [UInt8(ascii: "/")])
            } else {
                files[prefix + entry.name] = try readFile(path)
            }
        }
    }
    try add(root, [])
    return files
}

@Suite struct GeneratedFilesTests {
    let scratch: SharedScratch

    init() throws { scratch = try SharedScratch() }

    private func path(_ name: String) -> FilePath { scratch.path.appending(name) }

    @Test func equalArgumentsGiveEqualBytes() throws {
        for name in ["a", "b"] {
            let result = try generate(
                path(name).description, "--tracks", "300", "--seed", "3", "--layout", "messy", "--evil", "--manifest",
                path(name + ".jsonl").description)
            #expect(result.status == 0, "\(result.text)")
        }
        let first = try contents(path("a"))
        #expect(first.count > 1000)
        #expect(try contents(path("b")) == first)
        #expect(try readFile(path("a.jsonl")) == readFile(path("b.jsonl")))
    }

    @Test(arguments: ["artist-album", "flat", "messy"]) func tagsReadBackAsTheManifestSays(_ layout: String) throws {
        let result = try generate(
            path("library").description, "--tracks=1200", "--layout", layout, "--manifest",
            path("m.jsonl").description)
        #expect(result.status == 0, "\(result.text)")
        let check = try runProgram(["/usr/bin/python3", "-c", tagCheck, scratch.path.description])
        #expect(check.text == "1200 tracks of 8 formats agree\n")
        #expect(check.status == 0)
    }

    /// FLAC holds every text but the empty one, so what its files say must be exactly what was meant.
    @Test func evilTagsReadBackAsTheManifestSays() throws {
        let result = try generate(
            path("library").description, "--sample", "--evil", "--formats", "flac", "--manifest",
            path("m.jsonl").description)
        #expect(result.status == 0, "\(result.text)")
        let check = try runProgram(["/usr/bin/python3", "-c", tagCheck, scratch.path.description])
        #expect(check.text.hasSuffix(" tracks of 1 formats agree\n"), "\(check.text)")
        let names = try contents(path("library")).keys
        #expect(names.contains { String(validating: $0, as: UTF8.self) == nil })
        #expect(names.contains { $0.split(separator: UInt8(ascii: "/")).contains { $0.count == 255 } })
    }

    @Test func audioIsIntact() throws {
        let result = try generate(path("library").description, "--sample", "--formats", "flac")
        #expect(result.status == 0, "\(result.text)")
        let files = try contents(path("library")).keys.filter { $0.suffix(5).elementsEqual(".flac".utf8) }
        #expect(files.count == 60)
        let paths = files.map { path("library").appending($0).description }
        let check = try runProgram(["flac", "--test", "--silent", "--warnings-as-errors"] + paths)
        #expect(check.status == 0, "\(check.text)")
    }

    @Test func everyFormatDecodesWithoutAWord() throws {
        let result = try generate(path("library").description, "--sample")
        #expect(result.status == 0, "\(result.text)")
        var seen = Set<[UInt8]>()
        for file in try contents(path("library")).keys {
            guard let dot = file.lastIndex(of: UInt8(ascii: ".")) else { continue }
            let format = Array(file[dot...])
            guard !seen.contains(format),
                ![".jpg", ".lrc", ".cue", ".log"].contains(String(decoding: format, as: UTF8.self))
            else { continue }
            seen.insert(format)
            let decode = try runProgram([
                "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-i",
                path("library").appending(file).description, "-map", "0:a", "-f", "null", "-",
            ])
            #expect(decode.status == 0 && decode.output.isEmpty, "\(decode.text)")
        }
        #expect(seen.count == 8)
    }

    @Test func manifestAndDirectoryNameTheSameFiles() throws {
        let result = try generate(
            path("library").description, "--tracks", "500", "--evil", "--json", "--manifest",
            path("m.jsonl").description)
        #expect(result.text.hasPrefix("{\"tracks\":500,\"files\":"))
        let list = try runProgram(["/usr/bin/python3", "-c", pathCheck, scratch.path.description])
        #expect(list.text == "")
        #expect(list.status == 0)
    }

    @Test func nothingIsOverwritten() throws {
        try createDirectories(path("library"))
        let keep = path("library").appending("keep")
        try writeFileAtomically(keep, [1])
        let result = try generate(path("library").description, "--sample")
        #expect(result.status == 1)
        #expect(result.text.contains("not empty"))
        #expect(try contents(path("library")) == [Array("keep".utf8): [1]])
        let manifest = try generate(path("other").description, "--sample", "--manifest", keep.description)
        #expect(manifest.status == 1)
        #expect(try readFile(keep) == [1])
    }

    @Test func aMissingEncoderIsNamedWithItsRemedy() throws {
        let program = try readLink("/proc/self/exe").parent.appending("musicfs-libgen").description
        let result = try runProgram(["/usr/bin/env", "PATH=/nowhere", program, path("x").description, "--sample"])
        #expect(result.status == 1)
        #expect(result.text.contains("install ffmpeg"))
    }

    @Test(arguments: [
        ["--sample"], ["x"], ["x", "--tracks", "0"], ["x", "--tracks", "many"], ["x", "--sample", "--tracks", "3"],
        ["x", "--sample", "--formats", "flac,doc"], ["x", "--sample", "--formats", ""],
        ["x", "--sample", "--seed", "-1"],
        ["x", "--sample", "--layout", "round"], ["x", "y", "--sample"], ["x", "--sample", "--fast"],
        ["x", "--sample", "--seed"],
    ]) func wrongUsageIsRefused(_ arguments: [String]) throws {
        let program = try readLink("/proc/self/exe").parent.appending("musicfs-libgen").description
        let result = try runProgram([program] + arguments)
        #expect(result.status == 64)
        #expect(result.text.hasPrefix("musicfs-libgen: "))
        #expect(throws: SystemError.self) { try FileStatus.of("x") }
    }
}

/// A temporary directory for one test, which the suite's copies share.
final class SharedScratch: Sendable {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory.make(prefix: "musicfs-libgen-tests-") }

    var path: FilePath { directory.path }
}
