package import MusicFSCore
import MusicFSFUSE
package import MusicFSSystem

/// Holds the mount and keeps a server behind it.
///
/// One thread, one loop, next to nothing that could fail: it mounts, answers INIT, starts servers, watches them, and
/// does what takes privilege for them. It never touches the mount itself, and never waits for a server.
package final class Guardian {
    let configuration: GuardianConfiguration
    let log: Logger
    let onReady: () -> Void
    private let signals: SignalQueue
    let journal: Journal
    let device: SharedFD
    /// What the service manager keeps them under; nil where it does not.
    let storedName: String?
    /// Locks are held by being open.
    let locks: [SharedFD]

    var server: Server?
    /// Servers that were killed and have not been reaped: they may hang in the kernel.
    private var leaving: [ChildProcess] = []
    var earlyDeaths = 0
    var isStopping = false
    /// Whether the mount is left as it is, for another guardian.
    var isLeaving = false
    var isUnmounted = false
    /// Whether the connection is gone and the mount is not.
    var isAborted = false
    let begin = monotonicNanoseconds()
    var isReady = false
    var isReloading = false
    /// The program on disk while it is asked whether it can take over.
    var candidate: Candidate?
    /// When the server is to be replaced as planned.
    var replacement: UInt64?
    private let watchdogInterval = ServiceManager.watchdogInterval
    private var lastSign: UInt64 = 0

    /// Waits before a server that follows one that died at once, in seconds.
    private static let backoff: [UInt64] = [0, 1, 5, 30]

    struct Server {
        var process: ChildProcess
        var channel: SharedFD
        var heartbeat: SharedFD
        var started = monotonicNanoseconds()
        /// When it began to serve; nil before.
        var serving: UInt64?
        /// Milliseconds of polls without a sign of life.
        var silence = 0
        /// When it was asked for the stacks of its threads, before it is killed; nil while it is not.
        var asked: UInt64?
        /// When it was told to end; nil while it is not.
        var killed: UInt64?
        /// Whether that was planned.
        var isReplaced = false
        /// Readable when its threads end, which may be long before the process does; nil where the kernel has no such
        /// descriptors.
        var sentinel: SharedFD?
        /// Whether it was found dying, of what is not known yet.
        var isDying = false
    }

    /// Mounts, or goes on with what the service manager has kept. Call `run` afterwards.
    ///
    /// - Parameters:
    ///   - onReady: called when the first server serves.
    /// - Throws: `MountError`; nothing is mounted then.
    package init(
        _ configuration: GuardianConfiguration, locks: [SharedFD], stored: StoredMount?, log: Logger,
        onReady: @escaping () -> Void
    ) throws {
        self.configuration = configuration
        self.log = log
        self.onReady = onReady
        self.locks = locks
        signals = try Guardian.blockSignals()
        if let stored {
            (device, journal, storedName) = (stored.device, stored.journal, stored.name)
            // Its server died with it, and of no request.
            journal.noteReplacement()
            log.notice("taking over a mount that was kept", metadata: ["mount": "\(configuration.mountPoint)"])
        } else {
            journal = try Journal.create()
            device = try Guardian.mount(configuration)
            do {
                try Guardian.negotiate(device, journal, configuration)
            } catch {
                try? MountPreparation.takeDown(configuration.mountPoint, lazily: true)
                throw error
            }
            Guardian.raiseReadAhead(configuration)
            storedName = StoredMount.keep(configuration.mountPoint, device: device, journal: journal)
        }
    }

    /// Goes on where the program that this process ran before has left off. Call `run` afterwards.
    package init(_ configuration: GuardianConfiguration, resuming handover: Handover, log: Logger) throws {
        self.configuration = configuration
        self.log = log
        onReady = {}
        func adopt(_ fd: Int32) throws -> SharedFD {
            try setInherited(fd, false)
            return SharedFD(OwnedFD(owning: fd))
        }
        locks = try handover.locks.map(adopt)
        signals = try Guardian.blockSignals()
        device = try adopt(handover.device)
        journal = try Journal.map(try adopt(handover.journal))
        storedName =
            handover.storedName ?? StoredMount.keep(configuration.mountPoint, device: device, journal: journal)
        isReady = true
        guard let known = handover.server else { return }
        server = Server(
            process: try ChildProcess.adopt(known.pid), channel: try adopt(known.channel),
            heartbeat: try adopt(known.heartbeat), serving: monotonicNanoseconds())
        planReplacement()
    }

    private static func blockSignals() throws -> SignalQueue {
        let taken = [
            Signal.terminate, Signal.interrupt, Signal.hangUp, Signal.user1, Signal.user2, Signal.child, Signal.pipe,
            Signal.quit,
        ]
        Signal.block(taken)
        return try SignalQueue(taken)
    }

    // MARK: The loop

    /// Keeps a server running until it is told to stop, or the mount is gone.
    ///
    /// - Returns: the exit code of the process.
    package func run() -> Int32 {
        defer { if !isLeaving { unmount() } }
        do { if server == nil { try startServer() } } catch {
            log.critical("no server can be started", metadata: ["error": "\(error)"])
            return 1
        }
        while true {
            var descriptors = [signals.raw]
            if let server { descriptors += [server.process.pidFD.raw, server.channel.raw, server.heartbeat.raw] }
            // After a kill the successor is started 200 ms later at the latest (rule 2).
            if let sentinel = server?.sentinel { descriptors.append(sentinel.raw) }
            let pause = isEnding ? 50 : step
            let results = pollReadable(descriptors, milliseconds: pause)
            if results[0].isReadable { takeSignals() }
            giveSign()
            leaving.removeAll { $0.reap() != nil }
            if results.count >= 4, server != nil {
                noticeDying(results.dropFirst(4).first?.isReadable)
                if results[3].isReadable { hearHeartbeat() }
                // Counted in polls that passed their whole time, not by a clock, which a suspend would move (rule 9).
                if results.allSatisfy({ !$0.isReadable && !$0.isBroken }) { server?.silence += Int(pause) }
                if results[2].isReadable { answer() }
                if results[1].isReadable || hasOverstayed { if let code = serverEnded() { return code } }
            }
            forgiveEarlyDeaths()
            checkHeartbeat()
            replaceIfDue()
            hearCandidate()
            if isUnmounted, server == nil { return isAborted && !isStopping ? remount() : 0 }
        }
    }

    /// To systemd, that this process lives; the server's own signs come by the heartbeat.
    private func giveSign() {
        guard let watchdogInterval else { return }
        let now = monotonicNanoseconds()
        guard now - lastSign >= watchdogInterval else { return }
        lastSign = now
        ServiceManager.tell(.watchdog)
    }

    private func takeSignals() {
        while let signal = signals.next() {
            switch signal {
            case Signal.terminate, Signal.interrupt:
                beginToStop(signal)
            case Signal.quit: leave()
            case Signal.user1: server?.process.send(Signal.user1)
            case Signal.user2: askCandidate()
            case Signal.hangUp: server?.process.send(Signal.hangUp)
            default: break
            }
        }
    }

    func beginToStop(_ signal: CInt) {
        guard !isStopping else {
            log.warning("told to stop a second time: ending at once")
            return killServer()
        }
        log.info("stopping", metadata: ["signal": "\(Signal.name(signal))"])
        isStopping = true
        replacement = nil
        ServiceManager.tell(.stopping, .status("stopping"))
        server?.process.send(Signal.terminate)
    }

    // MARK: Servers

    func killServer() {
        server?.process.send(Signal.kill)
        if server?.killed == nil { server?.killed = monotonicNanoseconds() }
    }

    private func startServer() throws {
        journal.raiseGeneration()
        let (ours, theirs) = try packetPair()
        let (beats, beating) = try makePipe()
        try setNonBlocking(beats.raw)
        let process = try ChildProcess.start(
            "/proc/self/exe", arguments: configuration.arguments(of: "serve"),
            descriptors: [
                (device.raw, ServerDescriptor.device), (journal.fd, ServerDescriptor.journal),
                (theirs.raw, ServerDescriptor.channel), (beating.raw, ServerDescriptor.heartbeat),
            ])
        server = Server(process: process, channel: ours, heartbeat: beats)
        log.debug(
            "started a server",
            metadata: ["pid": "\(process.pid)", "generation": "\(journal.generation)"])
    }

    private var isEnding: Bool {
        server?.killed != nil || server?.asked != nil || replacement != nil || candidate != nil
    }

    /// Killed, and still not gone: its successor need not wait.
    private var hasOverstayed: Bool {
        guard let server, let killed = server.killed else { return false }
        return monotonicNanoseconds() - killed > (server.isDying ? 50_000_000 : 200_000_000)
    }

    /// The server is dead or given up.
    ///
    /// - Returns: the exit code when that is the end; nil when a successor was started.
    private func serverEnded() -> Int32? {
        guard let server else { return nil }
        let exit = server.process.reap()
        if exit == nil, server.killed == nil { return nil }
        if exit == nil { leaving.append(server.process) }
        self.server = nil
        // The loop sees to that.
        if isUnmounted { return nil }
        if isLeaving { return 0 }
        if isStopping { return exit == .code(0) ? 0 : 1 }
        if server.isReplaced {
            journal.noteReplacement()
            log.notice("the server is replaced as planned", metadata: ["pid": "\(server.process.pid)"])
            return restart(isPlanned: true)
        }
        if !isReady, case .code(let code) = exit, code != 0 {
            // It could not even begin, and has said why.
            return code
        }
        note(exit, of: server)
        ServiceManager.tell(.status("replacing a server that died"))
        let served = server.serving.map { monotonicNanoseconds() - $0 } ?? 0
        earlyDeaths = served >= 1_000_000_000 ? 0 : earlyDeaths + 1
        journal.earlyDeaths = UInt32(clamping: earlyDeaths)
        if earlyDeaths > configuration.maxRestarts {
            log.critical("servers die as soon as they start; giving up", metadata: ["deaths": "\(earlyDeaths)"])
            return 1
        }
        return restart()
    }

    private func note(_ exit: ChildProcess.Exit?, of server: Server) {
        let wasHung = server.killed != nil && !server.isDying
        var signal: Int32 = 0
        if case .signal(let number) = exit { signal = number }
        // A SIGKILL that was not ours came from outside: no request is to blame.
        let isBlamed = server.isDying && exit == nil ? journal.hasCulprit : wasHung || signal != Signal.kill
        journal.noteDeath(signal: signal, isBlamed: isBlamed)
        log.error(
            "the server died and is replaced",
            metadata: ["pid": "\(server.process.pid)", "end": "\(describe(exit))"])
    }

    private func describe(_ exit: ChildProcess.Exit?) -> String {
        switch exit {
        case .signal(let signal): Signal.name(signal)
        case .code(let code): "exit code \(code)"
        case nil: "killed, still leaving"
        }
    }

    private func restart(isPlanned: Bool = false) -> Int32? {
        let wait = Guardian.backoff[min(max(earlyDeaths - 1, 0), Guardian.backoff.count - 1)]
        if earlyDeaths > 1, wait > 0, !isPlanned {
            log.warning(
                "servers die as soon as they start; waiting before the next",
                metadata: ["deaths": "\(earlyDeaths)", "seconds": "\(wait)"])
            if !waitUnlessStopped(seconds: wait) { return 0 }
        }
        do {
            try startServer()
            return nil
        } catch {
            log.critical("no server can be started", metadata: ["error": "\(error)"])
            return 1
        }
    }

    /// - Returns: false when it was told to stop meanwhile.
    func waitUnlessStopped(seconds: UInt64) -> Bool {
        let end = monotonicNanoseconds() + seconds * 1_000_000_000
        while !isStopping, monotonicNanoseconds() < end {
            if pollReadable([signals.raw], milliseconds: 200)[0].isReadable { takeSignals() }
            giveSign()
        }
        return !isStopping
    }

    // MARK: Heartbeat

    private func hearHeartbeat() {
        guard let heartbeat = server?.heartbeat else { return }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = (try? unsafe buffer.withUnsafeMutableBytes { try unsafe readOnce(heartbeat.raw, into: $0) }) ?? 0
        guard count > 0 else { return }
        // Each beat is the age of the oldest handler, in seconds.
        let age = Int(buffer[count - 1])
        if age * 1000 < configuration.heartbeatTimeout.milliseconds { server?.silence = 0 }
    }

    private func checkHeartbeat() {
        guard let server, server.killed == nil else { return }
        if let asked = server.asked {
            guard monotonicNanoseconds() - asked > 100_000_000 else { return }
            return killServer()
        }
        // Before it serves there are no beats yet, and opening a database that was left open takes its time.
        let limit = configuration.heartbeatTimeout.milliseconds * (server.serving == nil ? 5 : 1)
        guard server.silence > limit else { return }
        log.error(
            server.serving == nil
                ? "the server has not begun to serve for too long and is replaced"
                : "the server has been silent for too long and is replaced", metadata: ["pid": "\(server.process.pid)"])
        // So that the log says what it was doing.
        server.process.send(CrashReports.stacksSignal)
        self.server?.asked = monotonicNanoseconds()
    }

    // MARK: The end

    private func unmount() {
        server?.process.send(Signal.kill)
        defer { if let storedName { ServiceManager.forget(name: storedName) } }
        guard !isUnmounted || isAborted else { return }
        do {
            try MountPreparation.takeDown(configuration.mountPoint, lazily: false)
        } catch {
            // Somebody is in it: it goes when they leave.
            do {
                try MountPreparation.takeDown(configuration.mountPoint, lazily: true)
            } catch {
                log.error("cannot unmount", metadata: ["mount": "\(configuration.mountPoint)", "error": "\(error)"])
            }
        }
        configuration.memoryLibrary.remove()
        log.info("unmounted", metadata: ["mount": "\(configuration.mountPoint)"])
    }
}

extension Duration {
    fileprivate var milliseconds: Int { Int(clamping: nanoseconds / 1_000_000) }
}
