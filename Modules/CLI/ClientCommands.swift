import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// Finding the daemon and saying what went wrong with it.
enum Client {
    static func connect(
        _ options: ClientOptions, _ global: GlobalOptions, mountPoint: String? = nil
    ) throws -> ControlClient {
        ControlClient(socketPath: try locate(options, global, mountPoint: mountPoint))
    }

    private static func locate(
        _ options: ClientOptions, _ global: GlobalOptions, mountPoint: String?
    ) throws -> FilePath {
        let locator = SocketLocator(
            directories: SocketLocator.standardDirectories(
                runtimeDirectory: ThisProcess.environment["XDG_RUNTIME_DIR"]))
        if let socket = options.socket { return FilePath(socket) }
        if let name = options.name { return try locator.locate(.name(name)) }
        if let mountPoint { return try locator.locate(.mountPoint(try FilePath(mountPoint).absolute())) }
        if let socket = try configured(global) { return socket }
        return try locator.locate(.only)
    }

    /// The socket of the configuration's instance; nil where it names none, or where a configuration that nobody named is of
    /// another daemon than the one that runs.
    private static func configured(_ global: GlobalOptions) throws -> FilePath? {
        let loaded: Configuration
        do { loaded = try Configured.load(Settings.flags(global, MountOptions())).configuration } catch {
            // What is wrong with one that was not asked for is no reason to find nobody.
            if global.config == nil { return nil }
            throw error
        }
        guard let socket = try? loaded.validateForInstance().socket else { return nil }
        return global.config != nil || (try? FileStatus.of(socket)) != nil ? socket : nil
    }

    /// Runs `body` and turns the errors of the control socket into messages and exit codes (D13).
    static func reporting<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as ControlError {
            let remedy = error.remedy.map { "; \($0)" } ?? ""
            throw CommandExit("Error: \(error.message)\(remedy)\n", to: .standardError, code: ExitCode(error.exitCode))
        }
    }

    /// Asks the daemon; calls `alone` where none runs, and no socket was named.
    static func asking<R>(
        _ options: ClientOptions, _ global: GlobalOptions, _ daemon: (ControlClient) throws -> R,
        alone: () throws -> R
    ) throws -> R {
        try reporting {
            do { return try daemon(try connect(options, global)) } catch let error as ControlError {
                guard error.code == .noDaemon, options.socket == nil else { throw error }
                return try alone()
            }
        }
    }

    /// Prints a line for people, of columns that a tab parts. What is in the texts cannot play with the terminal.
    static func print(columns: [String]) throws {
        try printAsItIs(columns.map(escapeControls).joined(separator: "\t"))
    }

    static func print(_ line: String) throws { try print(lines: [line]) }

    /// The same of lines.
    static func print(lines: [String]) throws { try printAsItIs(lines.map(escapeControls).joined(separator: "\n")) }

    /// Prints what holds no text from elsewhere, or was made safe before.
    static func printAsItIs(_ text: String) throws { try writeFully(1, Array((text + "\n").utf8)) }

    /// A line on standard error, as safe as those.
    static func note(_ line: String) throws { try writeFully(2, Array((escapeControls(line) + "\n").utf8)) }

    static func printJSON(_ value: some Encodable) throws { try writeFully(1, try JSON.encode(value) + [0x0a]) }
}

/// `musicfs status`.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how a daemon is doing.",
        examples: [
            CommandExample("musicfs status", "the only daemon of this user"),
            CommandExample("musicfs status --name music --json", "one of several, for programs"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The mount point of the daemon.", completion: .directory) var mountPoint: String?

    mutating func run() throws {
        try Client.reporting {
            let status = try Client.connect(client, global, mountPoint: mountPoint).value(
                StatusReport.self, .get, "/v1/status")
            if client.json { return try Client.printJSON(status) }
            try Client.print(lines: lines(status))
        }
    }

    private func lines(_ status: StatusReport) -> [String] {
        var lines = [
            "\(status.name): \(status.state) on \(status.mountPoint)",
            "  version \(status.version), up \(status.uptimeSeconds) s, process \(status.pid), guardian \(status.guardianPID)",
            "  \(status.tracks) tracks in \(status.directories) directories, \(status.quarantined) quarantined",
            "  \(status.openFiles) files open, \(status.fuseOperations) requests, \(status.residentBytes >> 20) MiB resident",
        ]
        for reason in status.degradedBecause { lines.append("  because \(reason)") }
        if status.restarts > 0 { lines.append("  the server was replaced \(status.restarts) times") }
        for origin in status.origins {
            var line = "  origin \(origin.id): \(origin.health), \(origin.replicas) files"
            line += origin.isWatching ? ", watched" : ", polled"
            if origin.isSuspect { line += ", SUSPECT" }
            if let message = origin.message { line += ": \(message)" }
            lines.append(line)
        }
        for store in status.stores {
            for problem in store.problems { lines.append("  \(store.name), found at \(store.checked): \(problem)") }
        }
        for task in status.tasks where task.state != "running" && task.state != "finished" {
            lines.append("  task \(task.name): \(task.state)")
        }
        return lines
    }
}

/// A duration on the command line, as in the configuration.
struct Period: ExpressibleByArgument {
    var duration: Duration

    init?(argument: String) {
        guard let duration = Duration(configurationText: argument) else { return nil }
        self.duration = duration
    }

    init(_ duration: Duration) { self.duration = duration }

    var defaultValueDescription: String { duration.configurationText }
}

/// `musicfs shutdown`.
struct ShutdownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shutdown", abstract: "Stop a daemon and unmount.",
        examples: [
            CommandExample("musicfs shutdown --name music", "stop the daemon called music"),
            CommandExample("musicfs shutdown --force", "without waiting for what it is doing"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The mount point of the daemon.", completion: .directory) var mountPoint: String?
    @Option(help: "How long what is under way may take.") var timeout = Period(.seconds(10))
    @Flag(help: "End at once, whatever is under way.") var force = false

    mutating func run() throws {
        try Client.reporting {
            try stop(
                try Client.connect(client, global, mountPoint: mountPoint), patience: timeout.duration, isForced: force)
        }
    }
}

/// Tells a daemon to stop, and waits until its guardian is gone.
private func stop(_ client: ControlClient, patience: Duration = .seconds(10), isForced: Bool = false) throws {
    let status = try client.value(StatusReport.self, .get, "/v1/status")
    do throws(ControlError) {
        let query = [QueryItem("timeout", patience.configurationText)] + (isForced ? [QueryItem("force", "1")] : [])
        _ = try client.value(ShutdownReport.self, .post, "/v1/shutdown", query: query)
    } catch {
        // It may have ended before it could answer.
        guard isForced, error.code == .violation else { throw error }
    }
    let guardian = Int32(clamping: status.guardianPID)
    let hasEnded: Bool
    do throws(SystemError) {
        // The databases and unmounting take their time too.
        hasEnded = try waitForEnd(of: guardian, until: SystemClock().deadline(after: patience + .seconds(10)))
    } catch {
        throw ControlError(.failed, "\(error)", remedy: "musicfs status tells whether the daemon still runs")
    }
    if !hasEnded {
        throw ControlError(
            .timeout, "the daemon is still running", remedy: "musicfs shutdown --force, or kill -9 \(guardian)")
    }
}

/// `musicfs unmount`.
struct UnmountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmount", abstract: "Take a mount down.",
        discussion: "Asks its daemon to stop; where none answers, unmounts what is left.",
        examples: [CommandExample("musicfs unmount ~/Music-by-tags", "take it down")])

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The mount point.", completion: .directory) var mountPoint: String
    @Option(help: "The control socket of the daemon.", completion: .file()) var socket: String?

    mutating func run() throws {
        let path = try FilePath(mountPoint).absolute()
        var options = ClientOptions()
        options.socket = socket
        do {
            try stop(try Client.connect(options, global, mountPoint: mountPoint))
            return
        } catch is ControlError {
            // No daemon: what it left is taken down all the same.
        }
        guard let entry = try MountEntry.at(path), entry.isMusicFS else {
            throw MountError("\(path) is not a mount of MusicFS")
        }
        do { try MountPreparation.takeDown(path, lazily: false) } catch {
            try MountPreparation.takeDown(path, lazily: true)
        }
    }
}

/// `musicfs info`.
struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show everything that is known about a file of a mount.",
        examples: [CommandExample("musicfs info ~/Music-by-tags/Artist/Album/01.flac", "one file")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "A file of the mount.", completion: .file()) var path: String

    mutating func run() throws {
        try Client.reporting {
            let absolute = try FilePath(path).absolute()
            var options = client
            if options.socket == nil, options.name == nil {
                let locator = SocketLocator(
                    directories: SocketLocator.standardDirectories(
                        runtimeDirectory: ThisProcess.environment["XDG_RUNTIME_DIR"]))
                options.socket = try locator.locate(.containing(absolute)).description
            }
            let info = try Client.connect(options, global).value(
                InfoReport.self, .get, "/v1/info", query: [QueryItem("path", bytes: absolute.bytes)])
            if client.json { return try Client.printJSON(info) }
            try Client.print(lines: lines(info))
        }
    }

    private func lines(_ info: InfoReport) -> [String] {
        var lines = [info.path, "  track \(info.trackID), \(info.size) bytes, read \(info.plan)"]
        if let reason = info.quarantined { lines.append("  quarantined: \(reason)") }
        for (field, values) in info.tags.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(field): \(values.joined(separator: "; "))")
        }
        for (key, values) in info.custom.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(key): \(values.joined(separator: "; "))")
        }
        if let properties = info.properties {
            lines.append(
                "  \(properties.durationMilliseconds / 1000) s, \(properties.bitrate) kbit/s, "
                    + "\(properties.sampleRate) Hz, \(properties.channels) channels")
        }
        for picture in info.pictures {
            lines.append("  picture: type \(picture.type), \(picture.mimeType), \(picture.size) bytes")
        }
        for replica in info.replicas {
            lines.append("  \(replica.origin): \(replica.realPath)\(replica.isPreferred ? " (preferred)" : "")")
        }
        return lines
    }
}
