import MusicFSArguments
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// Reading the configuration, with the exit code that a wrong one has (D13).
enum Configured {
    static func load(_ flags: ConfigurationFlags) throws -> LoadedConfiguration {
        try reporting {
            try Configuration.load(
                flags: flags, environment: ThisProcess.environment, isRoot: ThisProcess.user == 0
            ) { template in
                do throws(TemplateError) {
                    _ = try PathTemplate(parsing: template)
                    return nil
                } catch { return error.description }
            }
        }
    }

    static func reporting<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as ConfigurationError {
            throw CommandExit("\(error)\n", to: .standardError, code: ExitCode(78))
        }
    }
}

/// The settings of one run, and how to start another process with the same ones.
struct Settings {
    var settings: DaemonSettings
    /// What other processes of this mount are started with: read again in the same directory and environment, it gives the
    /// same settings, but for what the configuration file says by then.
    var arguments: [String]
    /// The effective configuration, without what is pinned.
    var entries: [ConfigurationEntry]
    private var log: Configuration.Log

    static func load(_ global: GlobalOptions, _ mount: MountOptions) throws -> Settings {
        let loaded = try Configured.load(flags(global, mount))
        var configuration = loaded.configuration
        Pins(mount.pin).apply(to: &configuration)
        let (mountPoint, instance) = try Configured.reporting { try configuration.validateForMount() }
        let settings = DaemonSettings(
            name: instance.name, mountPoint: mountPoint, cacheDirectory: instance.cacheDirectory,
            stateDirectory: instance.stateDirectory,
            template: try PathTemplate(parsing: configuration.tree.template),
            showsCompanions: configuration.tree.companions,
            hasVirtualDirectories: configuration.tree.virtualDirectories,
            origins: configuration.origins.filter(\.isEnabled),
            cache: configuration.cache, health: configuration.health, workers: configuration.scan.workers,
            removalBrake: configuration.scan.removalBrake, allowOther: configuration.fuse.allowOther,
            timeout: configuration.fuse.timeout, allowsPassthrough: configuration.fuse.passthrough == .auto,
            threads: configuration.fuse.threads, heartbeatTimeout: configuration.guardian.heartbeatTimeout,
            maxRestarts: configuration.guardian.maxRestarts, socketPath: instance.socket,
            socketGroup: configuration.control.group, tcp: tcp(configuration.control),
            eventCapacity: configuration.events.capacity, prefetch: configuration.prefetch,
            history: configuration.history, scansAtStart: !mount.noScan)
        return Settings(
            settings: settings, arguments: arguments(global, mount, Pins(configuration)), entries: loaded.entries,
            log: configuration.log)
    }

    /// Those of the instance that a command is for, which works without a daemon.
    ///
    /// - Parameter logLevel: unless one is asked for: what a daemon logs is not for who waits for a command.
    static func load(_ global: GlobalOptions, _ client: ClientOptions, logLevel: String) throws -> Settings {
        let (global, mount) = options(global, client, logLevel)
        return try load(global, mount)
    }

    /// What is known of such an instance where neither a mount point nor origins are needed.
    static func loadInstance(
        _ global: GlobalOptions, _ client: ClientOptions
    ) throws -> (configuration: Configuration, instance: Configuration.Instance) {
        let (global, mount) = options(global, client, "error")
        let configuration = try Configured.load(flags(global, mount)).configuration
        return (configuration, try Configured.reporting { try configuration.validateForInstance() })
    }

    private static func options(
        _ global: GlobalOptions, _ client: ClientOptions, _ logLevel: String
    ) -> (GlobalOptions, MountOptions) {
        var global = global
        global.logLevel = global.logLevel ?? logLevel
        var mount = MountOptions()
        mount.name = client.name
        return (global, mount)
    }

    private static func tcp(
        _ control: Configuration.Control
    ) -> (address: LoopbackAddress, tokenFile: FilePath)? {
        guard let address = control.tcp.flatMap({ LoopbackAddress($0) }), let file = control.tokenFile else {
            return nil
        }
        return (address, file)
    }

    static func flags(_ global: GlobalOptions, _ mount: MountOptions) -> ConfigurationFlags {
        ConfigurationFlags(
            configFile: global.config, mountPoint: mount.mountPoint, origins: mount.origin, cacheDir: mount.cacheDir,
            stateDir: mount.stateDir, template: mount.template, name: mount.name,
            allowOther: mount.allowOther ? true : nil, logLevel: global.logLevel)
    }

    private static func arguments(_ global: GlobalOptions, _ mount: MountOptions, _ pins: Pins) -> [String] {
        var arguments: [String] = []
        func add(_ option: String, _ value: String?) {
            if let value { arguments.append("\(option)=\(value)") }
        }
        add("--config", global.config)
        add("--log-level", global.logLevel)
        for origin in mount.origin { add("--origin", origin) }
        add("--cache-dir", mount.cacheDir)
        add("--state-dir", mount.stateDir)
        add("--template", mount.template)
        add("--name", mount.name)
        if mount.allowOther { arguments.append("--allow-other") }
        if mount.noScan { arguments.append("--no-scan") }
        for pin in pins.texts { arguments.append("--pin=\(pin)") }
        if let point = mount.mountPoint { arguments += ["--", point] }
        return arguments
    }

    /// - Parameter isDetached: nobody will see standard error; without another place, the log goes to files in the state
    ///   directory.
    func logs(isDetached: Bool) -> LogSystem {
        let needsFiles = isDetached && ThisProcess.environment["JOURNAL_STREAM"] == nil && log.format != .journald
        return log.system(orDirectory: needsFiles ? settings.stateDirectory.appending("log") : nil)
    }
}

extension Configuration.Log {
    /// - Parameter other: for daily files where the configuration names no directory.
    func system(orDirectory other: FilePath? = nil) -> LogSystem {
        let environment = ThisProcess.environment
        return LogSystem.standard(
            format: format, filter: level, directory: directory ?? other, home: environment["HOME"],
            journalStream: environment["JOURNAL_STREAM"])
    }
}

/// What makes a mount this mount: a later server of it keeps to it, and tells that a restart is needed.
struct Pins {
    private var values: [String: String]

    init(_ configuration: Configuration) {
        values = [:]
        values["mount_point"] = configuration.mountPoint?.description
        values["name"] = configuration.name
        values["cache_dir"] = configuration.cacheDir?.description
        values["state_dir"] = configuration.stateDir?.description
        values["control.socket"] = configuration.control.socket?.description
    }

    init(_ texts: [String]) {
        values = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "=") else { continue }
            values[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
    }

    var texts: [String] { values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } }

    func apply(to configuration: inout Configuration) {
        func path(_ key: String) -> FilePath? { values[key].map { FilePath($0) } }
        configuration.mountPoint = path("mount_point") ?? configuration.mountPoint
        configuration.name = values["name"] ?? configuration.name
        configuration.cacheDir = path("cache_dir") ?? configuration.cacheDir
        configuration.stateDir = path("state_dir") ?? configuration.stateDir
        configuration.control.socket = path("control.socket") ?? configuration.control.socket
    }
}
