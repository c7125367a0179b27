import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// A library behind a WebDAV server, whose cache is made to suffer while several programs read.
final class StressedLibrary {
    let directory: TestDirectory
    let library: MountedLibrary
    /// Where the originals lie.
    let originals: FilePath
    private let server: RcloneServer

    /// - Parameters:
    ///   - cache: the lines of the section `[cache]`.
    ///   - prepare: called with the library before it is mounted.
    init(
        files: Int, megabytes: Int, cache: String, prepare: (MountedLibrary) throws -> Void = { _ in }
    ) throws {
        directory = try TestDirectory()
        originals = directory.path.appending("dav")
        for number in 0..<files {
            try writeAudio(originals.appending("track\(number).wav"), megabytes: megabytes)
        }
        server = try RcloneServer(.webdav, originals)
        library = try MountedLibrary()
        library.configuration = "[cache]\n\(cache)\n[fuse]\npassthrough = \"never\"\n" + Section.webdav(server)
        try prepare(library)
        try library.startAndScan(origins: 1)
    }

    /// The daemon's part of the cache directory.
    var cacheDirectory: FilePath { StressedLibrary.cacheDirectory(library) }

    static func cacheDirectory(_ library: MountedLibrary) -> FilePath {
        library.directory.path.appending("cache/\(library.name)")
    }

    var chunks: FilePath { cacheDirectory.appending("chunks") }

    /// Bytes of all files below the folder of chunks, those too that are being written.
    func chunkBytes() throws -> Int {
        let text = try shell("find '\(chunks)' -type f -printf '%s\\n' 2>/dev/null | awk '{s+=$1} END {print s+0}'")
            .text
        return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), "\(text)")
    }

    /// The path of each original by the path that shows it.
    func pairs() throws -> [(shown: FilePath, original: FilePath)] {
        try library.files().map { file in
            let name = try #require(file.firstMatch(of: /track\d+/), "\(file)")
            return (library.mount.appending(file), originals.appending("\(name.output).wav"))
        }
    }

    /// Programs that read whole files of the mount and compare them with the originals, and what they say.
    struct Readers {
        let process: ChildProcess
        let output: FilePath

        /// Whether they have ended; after `seconds` they must have.
        func hasEnded(within seconds: Double = 0) -> Bool {
            process.wait(until: monotonicNanoseconds() + UInt64(seconds * 1e9)) != nil
        }

        /// What they found wrong, or could not read.
        var complaints: String { String(decoding: (try? readFile(output)) ?? [], as: UTF8.self) }
    }

    /// Starts as many readers as there are orders of files, each of which goes through its own.
    func startReaders(_ orders: [[(shown: FilePath, original: FilePath)]]) throws -> Readers {
        let output = directory.path.appending("readers.log")
        let readers = orders.map { order in
            "( " + order.map { "cmp '\($0.shown)' '\($0.original)'" }.joined(separator: "; ") + " ) &"
        }
        let script = "exec > '\(output)' 2>&1\n" + readers.joined(separator: "\n") + "\nwait"
        let process = try ChildProcess.start("/bin/bash", arguments: ["bash", "-c", script])
        return Readers(process: process, output: output)
    }

    /// Each file once, by one program.
    func compareAll() throws {
        try library.dropKernelCaches()
        for (shown, original) in try pairs() {
            let outcome = try run("cmp", shown.description, original.description)
            #expect(outcome.status == 0, "\(outcome.text)")
        }
    }

    /// One number of the daemon's metrics.
    func metric(_ name: String) throws -> Int? {
        let answer = try run("curl", "-s", "--unix-socket", library.socket.description, "http://localhost/metrics")
        let line = answer.text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Int($0.dropFirst(name.count + 1)) }
    }

    /// Memory of the daemon's server that is in RAM, in bytes (proc_pid_status(5)).
    func residentBytes() throws -> Int {
        let status = try readFile(FilePath("/proc/\(library.status().pid)/status"))
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }
}
