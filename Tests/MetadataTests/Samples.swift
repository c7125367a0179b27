import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import TestSupport

/// Real files, encoded for a test by the usual encoders.
struct Samples: Sendable {
    let directory: TestDirectory

    init() throws { directory = try TestDirectory() }

    func path(_ name: String) -> FilePath { directory.path.appending(name) }

    struct ToolFailed: Error { let arguments: [String], output: String }

    @discardableResult
    static func run(_ arguments: [String]) throws -> String {
        let result = try runProgram(arguments)
        let output = String(decoding: result.output, as: UTF8.self)
        if result.status != 0 { throw ToolFailed(arguments: arguments, output: output) }
        return output
    }

    /// A second of a sine wave, or another source of libavfilter's.
    func encode(
        _ name: String, tags: [String: String] = Samples.tags, options: [String] = [],
        source: String = "sine=f=440:r=44100:d=1"
    ) throws -> FilePath {
        let target = path(name)
        var arguments = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source]
        for (key, value) in tags { arguments += ["-metadata", "\(key)=\(value)"] }
        try Self.run(arguments + options + [target.description])
        return target
    }

    static let tags = [
        "title": "Tïtle ♫", "artist": "Artist", "album": "Album", "album_artist": "Band", "genre": "Jazz",
        "date": "1999", "track": "3/12", "disc": "1/2", "composer": "Composer",
    ]

    func jpeg() throws -> FilePath {
        let target = path("cover.jpg")
        try Self.run(
            [
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=160x120:d=1:r=1", "-frames:v", "1",
                target.description,
            ])
        return target
    }

    /// Bytes that look like a PNG from outside, each time others.
    static func randomPicture(of size: Int) -> [UInt8] {
        [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + (8..<size).map { _ in UInt8.random(in: .min ... .max) }
    }

    /// Runs a program of mutagen, the reference beside ffprobe; `code` finds the file in `path`.
    @discardableResult
    static func mutagen(_ code: String, _ path: FilePath, _ more: String...) throws -> String {
        try run(["/usr/bin/python3", "-c", "import sys\npath = sys.argv[1]\n" + code, path.description] + more)
    }

    /// What ffprobe says of the first audio stream and the container.
    static func probe(_ path: FilePath) throws -> [String: String] {
        let output = try run(
            [
                "ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries",
                "stream=sample_rate,channels,duration:format=duration", "-of", "default=noprint_wrappers=1",
                path.description,
            ])
        var result: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[1] != "N/A" { result[String(parts[0])] = String(parts[1]) }
        }
        return result
    }
}

extension MediaWorkerPool {
    static func forTests(
        workers: Int = 1, jobTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(30)
    ) throws -> MediaWorkerPool {
        MediaWorkerPool(
            executable: try MediaWorkerLocator.find(environment: ProcessInfo.processInfo.environment),
            workers: workers, jobTimeout: jobTimeout, idleTimeout: idleTimeout, log: .disabled)
    }

    /// Reads one file and waits for the result.
    func result(of path: FilePath, name: String? = nil, wantsIdentity: Bool = false) throws -> Result<
        MediaReport, MediaError
    > {
        let answer = Condition<Result<MediaReport, MediaError>?>(nil)
        read(
            try open(path, .read), name: name.map { Array($0.utf8) } ?? Array(path.lastComponent),
            wantsIdentity: wantsIdentity
        ) { result in
            answer.withLock { $0 = result }
            answer.broadcast()
        }
        guard let result = answer.wait(until: monotonicNanoseconds() + 60_000_000_000, { $0 }) else {
            throw Silence()
        }
        return result
    }

    func report(of path: FilePath, wantsIdentity: Bool = false) throws -> MediaReport {
        try result(of: path, wantsIdentity: wantsIdentity).get()
    }

    struct Silence: Error {}
}
