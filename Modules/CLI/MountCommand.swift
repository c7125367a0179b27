import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSMetadata
import MusicFSSystem

/// `musicfs mount`.
struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount", abstract: "Mount a library.",
        discussion: """
            Stays in the foreground until it is told to stop; with --daemon it returns when the mount is ready. With a \
            configuration file, --origin adds to its origins.
            """,
        examples: [
            CommandExample("musicfs mount ~/Music-by-tags --origin ~/Music", "mount one directory"),
            CommandExample("musicfs mount --daemon --config /etc/musicfs/config.toml", "mount as configured"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var mount: MountOptions

    @Flag(help: "Return when the mount is ready, and keep running in the background.")
    var daemon = false

    @Flag(help: "Look all stores through first; what is damaged is built anew, or its backup taken.")
    var fullIntegrityCheck = false

    @Flag(help: "That, and every chunk of the cache is compared with its checksum.")
    var repair = false

    @Option(help: ArgumentHelp("Tell this descriptor when the mount is ready.", visibility: .hidden))
    var readyFD: Int?

    @Flag(help: ArgumentHelp("Leave the terminal alone.", visibility: .hidden))
    var detached = false

    @Option(help: ArgumentHelp("Go on with what the program before had in this process.", visibility: .hidden))
    var resume: String?

    @Option(help: ArgumentHelp("How often the mount was made anew in a row.", visibility: .hidden))
    var remounts = 0

    @Option(help: ArgumentHelp("Only say whether a mount with this journal can be taken over.", visibility: .hidden))
    var checkUpgrade: String?

    mutating func run() throws {
        if daemon { return try runInBackground() }
        let loaded = try Settings.load(global, mount)
        let settings = loaded.settings
        if let checkUpgrade { return try Handover.check(layout: checkUpgrade) }
        let configuration = configuration(loaded)
        let log = loaded.logs(isDetached: configuration.isDetached).logger("guardian")
        if let resume {
            try CrashReports.install(program: "guardian", directory: settings.stateDirectory)
            throw ExitCode(try Guardian(configuration, resuming: Handover(decoding: resume), log: log).run())
        }
        let (locks, stored) = try prepare(settings, log)
        try CrashReports.install(program: "guardian", directory: settings.stateDirectory)
        // Not at a take-over: readers are waiting.
        if stored == nil, fullIntegrityCheck || repair {
            try putInOrder(settings, loaded.logs(isDetached: configuration.isDetached))
        }
        let guardian = try Guardian(
            configuration, locks: locks, stored: stored, log: log, onReady: { [readyFD] in tellReady(readyFD) })
        throw ExitCode(guardian.run())
    }

    private func configuration(_ loaded: Settings) -> GuardianConfiguration {
        let settings = loaded.settings
        return GuardianConfiguration(
            mountPoint: settings.mountPoint, lockedDirectories: [settings.cacheDirectory, settings.stateDirectory],
            allowOther: settings.allowOther, allowsPassthrough: settings.allowsPassthrough,
            isAllLocal: settings.origins.allSatisfy { $0.kind == .local },
            arguments: loaded.arguments, isDetached: detached || readyFD != nil,
            heartbeatTimeout: settings.heartbeatTimeout, maxRestarts: settings.maxRestarts,
            remounts: remounts, memoryLibrary: MemoryLibrary(settings))
    }

    /// Everything that can be wrong is found before anything is mounted. A mount that was kept goes on whatever is wrong.
    private func prepare(_ settings: DaemonSettings, _ log: Logger) throws -> (locks: [SharedFD], stored: StoredMount?)
    {
        var locks: [SharedFD]?
        if ServiceManager.hasStored {
            let taken = try lock(settings, log)
            if let stored = StoredMount.claim(settings.mountPoint, log: log) { return (taken, stored) }
            locks = taken
        }
        // What lies behind a network may be away for now: it comes when it comes.
        for origin in settings.origins where origin.kind == .local { try check(origin) }
        if let tcp = settings.tcp { try Client.reporting { _ = try BearerToken.read(tcp.tokenFile) } }
        try MountPreparation.checkDescriptors(
            threads: DaemonSettings.loopThreads(settings.threads), origins: settings.origins.count)
        try MountPreparation.checkFUSE(allowOther: settings.allowOther)
        _ = try MediaWorkerLocator.find(environment: ThisProcess.environment)
        let taken = try locks ?? lock(settings, log)
        try MountPreparation.prepare(
            settings.mountPoint, origins: settings.origins.filter(\.kind.isMounted).compactMap(\.path), log: log)
        return (taken, nil)
    }

    /// Without the cache directory everything can be had all the same, from the origins.
    private func lock(_ settings: DaemonSettings, _ log: Logger) throws -> [SharedFD] {
        try MountPreparation.lock(
            settings.ownDirectories,
            optional: settings.cacheDirectory == settings.stateDirectory ? nil : settings.cacheDirectory
        ) { log.error("the cache directory cannot be used", metadata: ["error": "\($0)"]) }
    }

    /// Before anything is mounted: it takes as long as reading the stores does.
    private func putInOrder(_ settings: DaemonSettings, _ logs: LogSystem) throws {
        let examination = StoreExamination(settings, log: logs.logger("stores"))
        examination.repair(isFull: true)
        guard repair else { return }
        let printer = CachePrinter(json: false)
        do {
            try examination.repairChunks { printer.show($0) }
            try printer.finish(failsOnDamage: false)
        } catch {
            // The cache is not what a mount needs.
            logs.logger("stores").error("the chunks cannot be put right", metadata: ["error": "\(error)"])
        }
    }

    /// On a thread of its own: a directory on a network's file system may hang, and then it is brought up later.
    private func check(_ origin: Configuration.Origin) throws {
        guard let path = origin.path else { return }
        let answer = Condition<SystemError??>(nil)
        try startThread("check-origin") {
            var failure: SystemError?
            do throws(SystemError) {
                guard try FileStatus.of(path).kind == .directory else {
                    throw SystemError("open", path, .notDirectory)
                }
                _ = try open(path, [.read, .directory])
            } catch { failure = error }
            answer.withLock { [failure] in $0 = .some(failure) }
            answer.signal()
        }
        guard let error = answer.wait(until: monotonicNanoseconds() + 5_000_000_000, { $0 }) ?? nil else { return }
        throw MountError("the origin \(path) cannot be read: \(error.errno); check --origin, or mount what is missing")
    }

    // MARK: In the background

    /// Starts itself again in a session of its own, and waits until that says that it is ready.
    private func runInBackground() throws {
        let loaded = try Settings.load(global, mount)
        let (reading, writing) = try makePipe()
        let child = try ChildProcess.start(
            "/proc/self/exe",
            arguments: ["musicfs", "mount", "--ready-fd=3"] + (fullIntegrityCheck ? ["--full-integrity-check"] : [])
                + (repair ? ["--repair"] : []) + loaded.arguments,
            descriptors: [(writing.raw, 3)])
        // Whether it has ended is asked of the process, not of the pipe: an end of that may stay open in here.
        let events = pollReadable([reading.raw, child.pidFD.raw], milliseconds: -1)
        if events.first?.isReadable == true { return }
        if case .code(let code) = child.wait(until: monotonicNanoseconds() + 15_000_000_000) {
            throw ExitCode(code == 0 ? 1 : code)
        }
        throw ExitCode(1)
    }
}

private func tellReady(_ fd: Int?) {
    guard let fd, let number = Int32(exactly: fd) else { return }
    ThisProcess.detach()
    try? writeFully(number, [1])
    ThisProcess.dropStandardStreams()
}

/// The process that serves; started by the guardian alone.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a mount; started by mount.", shouldDisplay: false)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var mount: MountOptions

    @Flag(help: "Leave the terminal alone once it serves.")
    var detached = false

    mutating func run() throws {
        // What takes privilege the guardian does.
        try ThisProcess.dropPrivileges()
        Signal.block([Signal.terminate, Signal.interrupt, Signal.user1, Signal.hangUp, Signal.user2, Signal.pipe])
        let loaded = try Settings.load(global, mount)
        let logs = loaded.logs(isDetached: detached)
        let detached = detached
        let flags = Settings.flags(global, mount)
        let launch = Launch(
            arguments: loaded.arguments, entries: loaded.entries,
            readConfiguration: {
                do { return try Configured.load(flags).entries } catch let exit as CommandExit {
                    throw ControlError(
                        .badRequest, exit.text.trimmed, remedy: "nothing was changed; see 'musicfs config check'")
                }
            })
        let server = try Server(loaded.settings, launch: launch, logs: logs, environment: ThisProcess.environment)
        throw ExitCode(
            try server.run(
                onServing: { if detached { ThisProcess.dropStandardStreams() } }, showsProgress: !detached))
    }
}

extension String {
    fileprivate var trimmed: String { split(whereSeparator: \.isNewline).joined(separator: "; ") }
}
