import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// The built programs.
enum Programs {
    static var musicfs: String { BuiltPrograms.directory.appending("musicfs").description }
    static var libgen: String { BuiltPrograms.directory.appending("musicfs-libgen").description }
}

/// What a command printed, and how it ended.
struct Outcome {
    var status: Int32
    var text: String
}

@discardableResult
func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

@discardableResult
func run(_ arguments: [String]) throws -> Outcome {
    let result = try runProgram(arguments)
    return Outcome(status: result.status, text: String(decoding: result.output, as: UTF8.self))
}

func shell(_ script: String) throws -> Outcome { try run(["bash", "-c", script]) }

/// Asks until it is so, or the time is over.
func eventually(_ seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(seconds * patience)
    while Date() < end {
        if try condition() { return true }
        usleep(20_000)
    }
    return try condition()
}

/// A library in a directory of its own, and a daemon that mounts it. Unmounts when it goes.
final class MountedLibrary {
    let directory: TestDirectory
    let name: String
    let origin: FilePath
    let mount: FilePath
    private var process: Process?
    /// What the daemon is started through, such as a tracer.
    var prefix: [String] = []
    var extraArguments: [String] = []
    private var program = Programs.musicfs
    /// Whether an administrator's tests mount as `nobody`, through fusermount3, in a mount namespace of the daemon's own.
    let isOfNobody: Bool

    /// A capability that a daemon of `nobody` has all the same, as setpriv(1) calls it.
    var capability: String?

    /// - Parameter isOfNobody: then only commands that are run through `inside` see the mount.
    init(origin: FilePath? = nil, isOfNobody: Bool = false) throws {
        self.isOfNobody = isOfNobody
        directory = try TestDirectory()
        name = "e2e-\(UUID().uuidString.prefix(8))"
        self.origin = origin ?? directory.path.appending("origin")
        mount = directory.path.appending("mount")
        for path in [self.origin, mount, directory.path.appending("cache"), directory.path.appending("state")] {
            try createDirectories(path)
        }
    }

    var logFile: FilePath { directory.path.appending("log") }
    var log: String { (try? String(contentsOfFile: logFile.description, encoding: .utf8)) ?? "" }

    /// The control socket of an administrator's daemon.
    var socket: FilePath { FilePath("/run/musicfs/\(name).sock") }

    /// Has the daemon run from programs of its own, which can be replaced.
    ///
    /// - Returns: where its `musicfs` is.
    func useOwnProgram() throws -> FilePath {
        let folder = directory.path.appending("bin")
        try createDirectories(folder)
        let worker = BuiltPrograms.directory.appending("musicfs-media").description
        try FileManager.default.copyItem(atPath: worker, toPath: "\(folder)/musicfs-media")
        let own = folder.appending("musicfs")
        try putProgram(own)
        program = own.description
        return own
    }

    /// Installs the program anew, as packages do: under another name first.
    func putProgram(_ own: FilePath) throws {
        let new = own.parent.appending("new")
        try FileManager.default.copyItem(atPath: Programs.musicfs, toPath: new.description)
        try rename(new, to: own)
    }

    /// The command as the user and in the mount namespace of the daemon, once that has been started.
    func inside(_ command: [String]) -> [String] {
        guard isOfNobody, let process else { return command }
        return ["nsenter", "--mount=/proc/\(process.processIdentifier)/ns/mnt"] + asNobody + command
    }

    private var asNobody: [String] { asNobody(with: nil) }

    private func asNobody(with capability: String?) -> [String] {
        let home = directory.path
        let kept = capability.map { ["--inh-caps=+\($0)", "--ambient-caps=+\($0)"] } ?? []
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] + kept + [
            "env", "HOME=\(home)",
            "XDG_RUNTIME_DIR=\(home)/state",
        ]
    }

    /// Gives everything to `nobody`, and a node of /dev/fuse for everybody, which that name leads to in the new namespace.
    private func prepareForNobody() throws -> [String] {
        let home = directory.path
        let outcome = try shell(
            """
            set -e
            chown -R nobody '\(home)'
            chmod 755 '\(home)'
            [ -e '\(home)/fuse' ] || mknod -m 666 '\(home)/fuse' c 10 229
            """)
        try #require(outcome.status == 0, "\(outcome.text)")
        let script = "mount --bind '\(home)/fuse' /dev/fuse && exec \"$@\""
        return ["unshare", "--mount", "bash", "-c", script, "bash"] + asNobody(with: capability)
    }

    /// The text of `[[origins]]` and other sections, instead of the one directory as origin.
    var configuration: String?

    private func writeConfiguration(_ text: String) -> String {
        let path = directory.path.appending("config.toml")
        let home = directory.path
        let all = """
            mount_point = "\(mount)"
            cache_dir = "\(home)/cache"
            state_dir = "\(home)/state"
            name = "\(name)"
            \(text)
            """
        try? writeFileAtomically(path, Array(all.utf8))
        return path.description
    }

    var mountArguments: [String] {
        if let configuration {
            return [program, "--config", writeConfiguration(configuration), "mount"] + extraArguments
        }
        return [
            program, "mount", mount.description, "--origin", origin.description,
            "--cache-dir", directory.path.appending("cache").description,
            "--state-dir", directory.path.appending("state").description, "--name", name,
        ] + extraArguments
    }

    /// Mounts, and waits until the first scan has ended, unless told not to.
    func start(waitsForScan: Bool = true) throws {
        _ = FileManager.default.createFile(atPath: logFile.description, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (isOfNobody ? try prepareForNobody() : []) + prefix + mountArguments
        process.standardError = FileHandle(forWritingAtPath: logFile.description)
        process.standardOutput = process.standardError
        try process.run()
        self.process = process
        let wanted = waitsForScan ? "sync: scanned" : "server: serving"
        let isUp = eventually(60) { log.contains(wanted) || !process.isRunning }
        try #require(isUp && process.isRunning, "the daemon did not come up: \(log)")
    }

    struct Status: Decodable {
        struct Origin: Decodable {
            var suspect: Bool
            var watching: Bool
            var id: String
            var health: String
        }
        var state: String
        var pid: Int32
        var guardian_pid: Int32
        var tracks: Int
        var quarantined: Int
        struct Crash: Decodable {
            var signal: String?
            var summary: String
        }
        var restarts: Int
        var uptime_s: Int
        var last_crash: Crash?
        var open_files: Int
        var origins: [Origin]
        struct Task: Decodable {
            var name: String
            var state: String
            var attempt: Int
        }
        var tasks: [Task]
        var degraded_because: [String]
    }

    func degradedBecause() throws -> [String] { try status().degraded_because }

    func status() throws -> Status {
        var status: Status?
        _ = try eventually(30) {
            let answer = try run(inside([Programs.musicfs, "status", "--name", name, "--json"]))
            status = try? JSONDecoder().decode(Status.self, from: Data(answer.text.utf8))
            return status != nil
        }
        return try #require(status, "no status: \(log)")
    }

    func scan() throws -> Outcome { try run(inside([Programs.musicfs, "scan", "--name", name])) }

    func unmount() throws {
        guard let process, process.isRunning else { return }
        let outcome = try run(inside([Programs.musicfs, "shutdown", "--name", name]))
        if outcome.status != 0 { process.terminate() }
        process.waitUntilExit()
    }

    /// Regular files below the mount, relative to it.
    func files() throws -> [String] {
        try run(inside(["find", mount.description, "-type", "f", "-printf", "%P\\n"])).text.split(separator: "\n").map(
            String.init
        )
        .sorted()
    }

    func realPath(_ file: String) throws -> String {
        try run(
            inside([
                "getfattr", "--only-values", "--absolute-names", "-n", "user.musicfs.real_path",
                mount.appending(file).description,
            ])
        ).text
    }

    deinit {
        if let process, process.isRunning {
            process.terminate()
            if !eventually(15, { !process.isRunning }) { kill(process.processIdentifier, SIGKILL) }
        }
        _ = try? run("umount", "-l", mount.description)
    }

    /// Fills the origin with generated, really encoded audio.
    func generate(_ arguments: String...) throws {
        try FileManager.default.removeItem(atPath: origin.description)
        let outcome = try run([Programs.libgen, origin.description] + arguments)
        try #require(outcome.status == 0, "\(outcome.text)")
    }
}
