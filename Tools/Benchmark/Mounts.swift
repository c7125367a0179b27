import MusicFSSystem
import Synchronization

/// Something that this program mounted.
protocol Mounted: Sendable {
    var point: FilePath { get }
    /// Unmounts, however it can; harmless when nothing is mounted any more.
    func unmountNow()
}

/// MusicFS on a mount point, in a process of its own.
final class MusicFSMount: Mounted {
    static let name = "bench"

    let point: FilePath
    /// From the process's start to READY.
    let readySeconds: Double
    private let place: Workplace
    private let guardian: ChildProcess
    private let log: FilePath

    /// - Parameter scans: whether the origin is scanned at the start.
    init(_ place: Workplace, _ directories: Directories, scans: Bool) throws {
        self.place = place
        point = try place.makeScratch("mount")
        log = point.parent.appending("\(point.lastComponentText).log")
        let file = try open(log, [.write, .create, .truncate])
        let (reading, writing) = try makePipe()
        var arguments = ["musicfs"]
        if let file = directories.configuration { arguments += ["--config", file.description] }
        arguments += ["mount", point.description]
        if directories.configuration == nil { arguments += ["--origin", directories.origin.description] }
        arguments += [
            "--cache-dir", directories.cache.description, "--state-dir", directories.state.description,
            "--name", MusicFSMount.name, "--ready-fd", "3",
        ]
        if !scans { arguments.append("--no-scan") }
        let begin = monotonicNanoseconds()
        guardian = try ChildProcess.start(
            FilePath(place.program("musicfs")), arguments: arguments,
            environment: ThisProcess.environment.map { "\($0.key)=\($0.value)" } + [
                "MUSICFS_FUSE_PASSTHROUGH=\(directories.allowsPassthrough ? "auto" : "never")"
            ],
            descriptors: [(file.raw, 1), (file.raw, 2), (writing.raw, 3)])
        readySeconds = try MusicFSMount.waitForReady(reading, guardian, since: begin, log: log)
        place.register(self)
    }

    private static func waitForReady(
        _ pipe: SharedFD, _ process: ChildProcess, since begin: UInt64, log: FilePath
    ) throws -> Double {
        _ = pollReadable([pipe.raw, process.pidFD.raw], milliseconds: 60_000)
        let end = monotonicNanoseconds()
        if process.reap() != nil {
            let said = String(decoding: (try? readFile(log)) ?? [], as: UTF8.self)
            throw BenchmarkError("musicfs did not mount: \(said.suffix(800))")
        }
        return Double(end - begin) / 1e9
    }

    func unmountNow() {
        guardian.send(Signal.terminate)
        if guardian.wait(until: monotonicNanoseconds() + 15_000_000_000) == nil {
            try? MusicFSSystem.unmount(point, lazily: true)
            guardian.send(Signal.kill)
        }
        try? unlink(log)
    }

    /// What `musicfs` says to these arguments.
    func command(_ arguments: [String]) throws -> String {
        try waitForSocket()
        return try place.run([place.program("musicfs")] + arguments + ["--name", MusicFSMount.name])
    }

    /// The control socket is opened after READY.
    private func waitForSocket() throws {
        let deadline = monotonicNanoseconds() + 10_000_000_000
        while monotonicNanoseconds() < deadline {
            let result = try runProgram([place.program("musicfs"), "status", "--name", MusicFSMount.name])
            if result.status == 0 { return }
            _ = pollReadable([guardian.pidFD.raw], milliseconds: 10)
        }
        throw BenchmarkError("musicfs mounted, but its control socket did not answer in ten seconds")
    }

    /// Bytes of anonymous memory of the guardian and all its descendants (proc_pid_status(5), RssAnon).
    func anonymousMemory() -> Int {
        var total = 0
        var open = [guardian.pid]
        while let pid = open.popLast() {
            total += anonymous(pid)
            for task in (try? listDirectory(FilePath("/proc/\(pid)/task"))) ?? [] {
                let name = String(decoding: task.name, as: UTF8.self)
                let children = (try? readFile(FilePath("/proc/\(pid)/task/\(name)/children"))) ?? []
                open += children.split(separator: 0x20).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
            }
        }
        return total
    }

    private func listDirectory(_ path: FilePath) throws -> [DirectoryEntry] {
        let directory = try open(path, [.read, .directory])
        return try MusicFSSystem.listDirectory(directory.raw, path: path)
    }

    private func anonymous(_ pid: Int32) -> Int {
        let status = String(decoding: (try? readFile(FilePath("/proc/\(pid)/status"))) ?? [], as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        let words = line?.split { $0 == " " || $0 == "\t" } ?? []
        // "RssAnon:", a number, "kB".
        return words.count > 1 ? (Int(words[1]) ?? 0) << 10 : 0
    }
}

/// rclone's mount of a directory or of another remote, with its defaults but for `options`.
final class RcloneMount: Mounted {
    let point: FilePath
    private let process: ChildProcess

    init(_ place: Workplace, _ remote: String, options: [String]) throws {
        point = try place.makeScratch("rclone")
        let null = try open("/dev/null", [.readWrite])
        process = try ChildProcess.start(
            "/usr/bin/env",
            arguments: ["env", "rclone", "mount", remote, point.description, "--read-only"] + options,
            descriptors: [(null.raw, 1), (null.raw, 2)])
        place.register(self)
        let deadline = monotonicNanoseconds() + 20_000_000_000
        while try MountEntry.at(point)?.mountPoint != point {
            if process.reap() != nil || monotonicNanoseconds() > deadline {
                throw BenchmarkError("rclone did not mount \(remote): try it by hand")
            }
            // Nothing tells when it is ready; this is its process's end or 20 ms.
            _ = pollReadable([process.pidFD.raw], milliseconds: 20)
        }
    }

    func unmountNow() {
        try? unmount(point, lazily: true)
        if process.wait(until: monotonicNanoseconds() + 10_000_000_000) == nil { process.send(Signal.kill) }
    }
}

extension FilePath {
    var lastComponentText: String { String(decoding: lastComponent, as: UTF8.self) }
}
