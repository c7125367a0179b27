import MusicFSCache
import MusicFSControl
package import MusicFSCore
import MusicFSFUSE
import MusicFSMetadata
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem
import Synchronization

/// The serving process: everything but the mount itself. Started by the guardian, which replaces it when it dies.
package final class Server: Sendable {
    let settings: DaemonSettings
    let launch: Launch
    let log: Logger
    let logs: LogSystem
    let journal: Journal
    let guardian: GuardianClient
    let library: Library
    let recovery: LibraryRecovery
    /// Where commands that ask the library wait for its disk.
    let questions: IOLane
    /// Where searches, and what asks the history, wait for their disks.
    let searches: IOLane
    let rebuild = RebuildWatch()
    let search: SearchService
    let curation: Curation
    let collections: Collections
    let checks: StoreChecks
    let wasInterrupted: Bool
    let patience = Mutex(Server.patience)
    let media: MediaWorkers
    let content: Content
    let fuse: FUSEServer
    let metrics: MetricsRegistry
    let events: EventBus
    let fileEvents: FileEvents
    let history: History
    /// nil where it is switched off.
    let prefetcher: Prefetcher?
    let supervisor: TaskSupervisor
    let origins: [OriginTask]
    let crashes: CrashHistory
    /// What is asked for on TCP, once that is served.
    let token = Mutex<BearerToken?>(nil)
    let resources: ResourceWatch
    let started = monotonicNanoseconds()

    /// Brings everything up as far as serving. Reads nothing that grows with the library.
    ///
    /// - Parameter launch: how this process was started.
    package init(
        _ settings: DaemonSettings, launch: Launch, logs: LogSystem, environment: [String: String]
    ) throws {
        self.settings = settings
        self.launch = launch
        self.logs = logs
        log = logs.logger("server")
        ThisProcess.dieWithParent(Signal.kill)
        crashes = CrashHistory(directory: settings.stateDirectory)
        Server.reportCrashes(settings, log)
        journal = try Journal.map(SharedFD(OwnedFD(owning: ServerDescriptor.journal)))
        let guardian = GuardianClient(SharedFD(OwnedFD(owning: ServerDescriptor.channel))) {
            ThisProcess.send(Signal.kill)
        }
        self.guardian = guardian
        let metrics = MetricsRegistry()
        self.metrics = metrics
        events = EventBus(capacity: settings.eventCapacity)
        let fileEvents = FileEvents(events, mountPoint: settings.mountPoint)
        self.fileEvents = fileEvents
        let later = Later()
        curation = Curation(settings.stateDirectory, log: logs.logger("curation"))
        let recovery = LibraryRecovery(settings, journal: journal, log: log, replace: { try guardian.replace() })
        self.recovery = recovery
        let opened = try LibraryOpening(
            settings: settings, journal: journal,
            options: settings.libraryOptions(
                nextEpoch: { [log] in try Server.nextEpoch(EpochFile(path: settings.epochFile), guardian, log) },
                onCommit: { later.committed($0, upTo: $1) },
                onFailure: { recovery.failed($0, isWrite: $1) }, onFiles: { fileEvents.changed($0) }),
            log: log
        ).open()
        library = opened.library
        recovery.set(library)
        search = Server.makeSearch(settings, library, journal, later, metrics, log: logs.logger("search"))
        history = History(
            settings.stateDirectory, keep: settings.history.keep, isNewMount: journal.generation <= 1,
            log: logs.logger("history"))
        collections = Server.makeCollections(curation, search, history, library, later)
        let ids = opened.origins
        media = try MediaWorkers(settings.workers, environment: environment, log: logs.logger("media"))
        let timer = try DeadlineTimer(clock: SystemClock())
        questions = try IOLane(name: "questions", threads: 2, deadline: .seconds(3), timer: timer)
        searches = try IOLane(name: "searches", threads: 2, deadline: .seconds(5), timer: timer)
        let directory = OriginDirectory(events: events, log: logs.logger("origins"))
        content = try Content(
            settings, library: library, ids: ids, timer: timer,
            allowsPassthrough: settings.allowsPassthrough && journal.hasPassthrough, events: events, logs: logs,
            onHealth: { directory.healthChanged($0, $1, $2) }, onStale: { directory.look($0, at: $1) })
        resources = ResourceWatch(
            cache: content.cache, library: library, metrics: metrics, log: logs.logger("resources"))
        prefetcher =
            settings.prefetch.isEnabled
            ? Prefetcher(
                settings.prefetch, library: library, history: history, content: content, metrics: metrics,
                log: logs.logger("prefetch")) : nil
        let services = OriginServices(
            library: library, media: media, content: content.router, remote: content.sink, events: events,
            log: logs.logger("sync"), settings: settings,
            factory: OriginFactory(
                timer: timer, makeClone: { path in try? guardian.cloneMount(path) }, log: logs.logger("origins")))
        origins = settings.origins.compactMap { setting in
            ids[setting.id].map {
                OriginTask(id: $0, setting: setting, services: services, scansAtStart: settings.scansAtStart)
            }
        }
        let supervisor = try TaskSupervisor(checkInterval: Pace.of(.seconds(30)), logger: logs.logger("tasks"))
        self.supervisor = supervisor
        directory.set(origins) { origin in
            for work in ["sync", "watch"] { supervisor.revive("\(work)-\(origin.setting.id)") }
        }
        Server.bringUp(origins, generation: journal.generation)
        checks = StoreChecks(
            settings, library: library, curation: curation, history: history, cache: content.cache,
            indexer: search.indexer,
            recovery: recovery, log: log)
        wasInterrupted = Server.noteStart(settings, journal, log: log)
        fuse = try FUSEServer(
            device: ServerDescriptor.device, journal: journal, library: library, content: content.router,
            registry: guardian,
            settings: FileSystemSettings(
                owner: ThisProcess.user, group: ThisProcess.group, timeout: settings.timeout),
            metrics: metrics, log: logs.logger("fuse"), isAwaited: { [rebuild] in rebuild.isWaiting },
            isBeingRecovered: { recovery.failed($0, isWrite: false) },
            virtual: settings.hasVirtualDirectories
                ? Server.virtualDirectories(search, curation, collections, prefetcher, timer) : nil,
            observer: fileEvents,
            onDisconnect: { later.disconnected(guardian) })
        later.set(fuse)
    }

    /// Serves until it is told to stop.
    ///
    /// - Returns: the process's exit code.
    package func run(onServing: () -> Void, showsProgress: Bool) throws -> Int32 {
        try fuse.start(threads: DaemonSettings.loopThreads(settings.threads))
        let heart = try startHeartbeat()
        // Before READY: who mounts in the background and asks at once is answered.
        let control = try ControlServer(
            socketPath: settings.socketPath, group: settings.socketGroup,
            routes: resources.shedding(ControlRoutes(self).all))
        try guardian.serving(thread: heart)
        log.info(
            "serving",
            metadata: ["mount": "\(settings.mountPoint)", "generation": "\(journal.generation)"])
        onServing()
        try startTasks(control)
        let showsBar = showsProgress && isTerminal(2)
        try supervisor.start("progress", restarts: true) { [self] context in
            try showsBar ? showProgress(context) : logProgress(context)
        }
        stop(control, because: waitForSignals())
        return 0
    }

    private func startTasks(_ control: ControlServer) throws {
        for origin in origins {
            try supervisor.start("sync-\(origin.setting.id)", critical: true, beatLimit: .seconds(300)) {
                try origin.run($0)
            }
            try supervisor.start("watch-\(origin.setting.id)", critical: true) { try origin.watch($0) }
        }
        if let tcp = settings.tcp {
            try supervisor.start("control-tcp", restarts: true) { [self] in
                try listen(control, on: tcp.address, tcp.tokenFile, $0)
            }
        }
        try supervisor.start("accesses", restarts: true, beatLimit: .seconds(120)) { [self] in
            try fileEvents.run($0, library: library, history: history, prefetcher: prefetcher) {
                fuse.listsChanged(in: CollectionDirectory.name)
            }
        }
        if let prefetcher {
            try supervisor.start("prefetch", restarts: true, beatLimit: .seconds(120)) { try prefetcher.run($0) }
        }
        try supervisor.start("state", restarts: true) { [self] in try followState($0) }
        try supervisor.start("health", critical: true) { [self] in try content.health.run($0) }
        try supervisor.start("resources", restarts: true) { [self] in try resources.run($0) }
        let clock = ClockWatch(
            log: logs.logger("clock"),
            jumps: metrics.counter("musicfs_clock_jumps_total", help: "How often the wall clock was set by over 5 s.")
        ) { [origins] times in for origin in origins { origin.synchronizer?.confirm(times) } }
        try supervisor.start("clock", restarts: true) { try clock.run($0) }
        try supervisor.start("mounts", restarts: true, beatLimit: .seconds(300)) { [self] in try followMounts($0) }
        try supervisor.start("library", restarts: true, beatLimit: .seconds(600)) { [self] in try recovery.follow($0) }
        try supervisor.start("indexer", critical: true, beatLimit: .seconds(600)) { [self] in try search.indexer.run($0)
        }
        try supervisor.start("curation", restarts: true, beatLimit: .seconds(600)) { [self] in try followCuration($0) }
        try supervisor.start("integrity", restarts: true, beatLimit: .seconds(3600)) { [self] in try followIntegrity($0)
        }
        try supervisor.start("scrub", restarts: true, beatLimit: .seconds(600)) { [self] in try scrub($0) }
        try supervisor.start("housekeeping", restarts: true, beatLimit: .seconds(600)) { [self] context in
            crashes.prune()
            for work in [library.clearTombstones, library.removeForgottenOrigins, library.adoptTemplate] {
                while !context.isCancelled, try work() { context.beat() }
            }
            return .finished
        }
    }

    /// Something was mounted or unmounted: where that concerns an origin, it is looked at anew.
    private func followMounts(_ context: TaskContext) throws -> TaskExit {
        let watch = try MountWatch()
        context.onCancel { watch.interrupt() }
        while !context.isCancelled {
            context.beat()
            guard try watch.wait(milliseconds: 60_000) else { continue }
            for origin in origins {
                guard let synchronizer = origin.synchronizer, let disk = synchronizer.origin as? LocalOrigin,
                    !disk.isRemote
                else { continue }
                switch try? disk.refresh() {
                case false: break
                case true: synchronizer.resume()
                // Gone: the scan says so.
                case nil: synchronizer.requestScan()
                }
            }
        }
        return .stopped
    }

    private var activeScans: [ScanState] {
        origins.compactMap { $0.synchronizer?.monitor.snapshot }.filter(\.isActive)
    }

    /// A line in the log every ten seconds while something is scanned.
    private func logProgress(_ context: TaskContext) throws -> TaskExit {
        while context.wait(for: .seconds(10)) {
            context.beat()
            for state in activeScans {
                log.info("scanning", metadata: ["progress": "\(ProgressLine.text(ScanProgress(state, isDone: false)))"])
            }
        }
        return .stopped
    }

    /// A line on the terminal while something is scanned.
    private func showProgress(_ context: TaskContext) throws -> TaskExit {
        var isShown = false
        while context.wait(for: .milliseconds(200)) {
            context.beat()
            if let state = activeScans.first {
                isShown = true
                let line = ProgressLine.clear + ProgressLine.text(ScanProgress(state, isDone: false))
                try writeFully(2, Array(line.utf8))
            } else if isShown {
                isShown = false
                try writeFully(2, Array(ProgressLine.clear.utf8))
            }
        }
        return .stopped
    }

    // MARK: Signs of life

    /// A byte a second: the age in seconds of the oldest request that is in its handler.
    ///
    /// - Returns: the thread that sends it.
    private func startHeartbeat() throws -> Int32 {
        let fuse = self.fuse
        let thread = Condition<Int32?>(nil)
        try startThread("heartbeat", stackBytes: 128 << 10) {
            thread.withLock { $0 = ThisProcess.currentThread }
            thread.signal()
            while true {
                let age = UInt8(clamping: fuse.statistics.oldestHandler / 1_000_000_000)
                try? writeFully(ServerDescriptor.heartbeat, [age])
                _ = pollReadable([], milliseconds: 1000)
            }
        }
        return thread.wait { $0 }
    }
}
