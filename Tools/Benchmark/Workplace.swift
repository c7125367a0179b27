import MusicFSSystem
import Synchronization
import TestSupport

/// Where the benchmarks work: directories, programs, and what is mounted at the moment.
final class Workplace: Sendable {
    let work: FilePath
    let programs: FilePath
    let quick: Bool
    let large: Bool
    /// How many tracks are searched.
    let tracks: Int
    /// A recorded listening history (`Listening.recorded`).
    let history: FilePath?
    private let signals: SignalQueue
    private let mounts = Mutex<[any Mounted]>([])
    private let scratch = Mutex<[FilePath]>([])

    /// - Parameter programs: nil for the directory of this program.
    init(work: FilePath, programs: FilePath?, quick: Bool, large: Bool, tracks: Int, history: FilePath?) throws {
        self.work = work
        self.programs = try programs ?? readLink("/proc/self/exe").parent
        self.quick = quick
        self.large = large
        self.tracks = tracks
        self.history = history
        signals = try SignalQueue([Signal.terminate, Signal.interrupt, Signal.hangUp])
        try createDirectories(work)
    }

    func program(_ name: String) -> String { programs.appending(name).description }

    /// Whether rclone is installed; says so where it is not.
    func hasRclone() -> Bool {
        if let result = try? runProgram(["rclone", "version"]), result.status == 0 { return true }
        say("rclone is not installed: its rows are left out")
        return false
    }

    func say(_ text: String) { try? writeFully(2, Array("\(text)\n".utf8)) }

    /// To be called between steps that take long.
    /// - Throws: `Interruption` once a signal came.
    func checkpoint() throws {
        if signals.next() != nil { throw Interruption() }
    }

    /// An empty directory that is removed by `cleanUp`.
    func makeScratch(_ name: String) throws -> FilePath {
        try scratch.withLock { scratch throws(SystemError) in
            let path = work.appending("musicfs-bench-\(ThisProcess.pid)-\(scratch.count)-\(name)")
            try createDirectories(path)
            scratch.append(path)
            return path
        }
    }

    func register(_ mounted: any Mounted) { mounts.withLock { $0.append(mounted) } }

    /// Runs `body` with MusicFS mounted, and unmounts it.
    func withMount<R>(
        _ directories: Directories, scans: Bool = false, _ body: (MusicFSMount) throws -> R
    ) throws -> R {
        try checkpoint()
        return try withMounted(try MusicFSMount(self, directories, scans: scans), body)
    }

    /// Runs `body` beside rclone's mount of `directory`, and unmounts it.
    func withRclone<R>(_ directory: FilePath, _ body: (RcloneMount) throws -> R) throws -> R {
        try withRclone(remote: ":local:\(directory)", options: [], body)
    }

    /// Runs `body` beside rclone's mount of one of its remotes, and unmounts it.
    func withRclone<R>(remote: String, options: [String], _ body: (RcloneMount) throws -> R) throws -> R {
        try checkpoint()
        return try withMounted(try RcloneMount(self, remote, options: options), body)
    }

    private func withMounted<M: Mounted, R>(_ mounted: M, _ body: (M) throws -> R) throws -> R {
        defer {
            mounted.unmountNow()
            mounts.withLock { $0.removeAll { $0.point == mounted.point } }
        }
        return try body(mounted)
    }

    /// Unmounts everything and removes what is not kept.
    func cleanUp() {
        for mounted in mounts.withLock({ Array($0.reversed()) }) { mounted.unmountNow() }
        mounts.withLock { $0.removeAll() }
        for path in scratch.withLock({ $0 }) {
            // A mount that is still there would be emptied with it.
            if (try? MountEntry.all())?.contains(where: { $0.mountPoint.description.hasPrefix(path.description) })
                == true
            {
                say("\(path) is still mounted and is left")
                continue
            }
            try? removeTree(path)
        }
        scratch.withLock { $0.removeAll() }
    }

    /// Runs a program that has to succeed.
    /// - Returns: what it printed.
    @discardableResult
    func run(_ arguments: [String]) throws -> String {
        try checkpoint()
        let result = try runProgram(arguments)
        let text = String(decoding: result.output, as: UTF8.self)
        guard result.status == 0 else {
            throw BenchmarkError("\(arguments.joined(separator: " ")) ended with \(result.status): \(text.suffix(800))")
        }
        return text
    }

    enum Caches: String {
        case pages = "1"
        case dentriesAndInodes = "2"
    }

    /// Empties the kernel's caches (proc_sys_vm(5), drop_caches).
    func drop(_ caches: Caches) throws {
        try checkpoint()
        let file = try open("/proc/sys/vm/drop_caches", [.write])
        try writeFully(file.raw, Array(caches.rawValue.utf8))
    }

    // MARK: Libraries

    /// A directory with real, small audio files, made once.
    func library(tracks: Int) throws -> FilePath {
        let path = work.appending("library-\(tracks)")
        let done = work.appending("library-\(tracks).complete")
        if (try? FileStatus.of(done)) != nil { return path }
        say("making \(tracks) tracks in \(path) …")
        try? removeTree(path)
        try run([program("musicfs-libgen"), path.description, "--tracks", "\(tracks)"])
        try writeFileAtomically(done, [])
        return path
    }

    /// A cache directory whose instance `bench` has a database of so many tracks without files, made once.
    func database(tracks: Int) throws -> Directories {
        let root = work.appending("database-\(tracks)")
        let directories = Directories(
            origin: work.appending("empty"), cache: root.appending("cache"), state: root.appending("state"))
        let done = root.appending("complete")
        if (try? FileStatus.of(done)) != nil { return directories }
        try? removeTree(root)
        try createDirectories(directories.origin)
        say("writing a database of \(tracks) tracks …")
        let said = try run([
            program("musicfs-libgen"), "--database",
            directories.cache.appending("bench").appending("library.db").description,
            "--origin-root", directories.origin.description, "--state-dir",
            directories.state.appending("bench").description, "--tracks", "\(tracks)",
        ])
        say(said.filter { $0 != "\n" })
        try writeFileAtomically(done, [])
        return directories
    }

    /// Empty cache and state directories for the files below `origin`.
    func freshDirectories(origin: FilePath) throws -> Directories {
        let root = try makeScratch("instance")
        return Directories(origin: origin, cache: root.appending("cache"), state: root.appending("state"))
    }

    /// The same for an origin on a server, by way of a proxy.
    ///
    /// - Parameter configuration: what else stands there.
    func freshDirectories(
        _ server: RcloneServer, _ proxy: TCPProxy, configuration: String = ""
    ) throws -> Directories {
        var directories = try freshDirectories(origin: "/")
        let file = directories.cache.parent.appending("config.toml")
        let text = """
            [[origins]]
            id = "far"
            type = "webdav"
            url = "http://127.0.0.1:\(proxy.port)/"
            credentials = "file:\(server.credentials)"

            \(configuration)
            """
        try createDirectories(file.parent)
        try writeFileAtomically(file, Array(text.utf8))
        directories.configuration = file
        return directories
    }
}

/// What an instance of MusicFS works with.
struct Directories {
    var origin: FilePath
    var cache: FilePath
    var state: FilePath
    /// Whether the kernel may read the origin's files itself.
    var allowsPassthrough = true
    /// Names the origins, instead of the one directory.
    var configuration: FilePath?
}
