import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem

/// What the daemon answers on its control socket.
struct ControlRoutes: Sendable {
    private let server: Server

    init(_ server: Server) { self.server = server }

    /// All routes of the interface; `/v1/openapi.json` tells them from the same list.
    var all: [Route] {
        OpenAPIDocument.adding(
            to: CacheRoutes(server).all + SearchRoutes(server).all + CollectionRoutes(server).all
                + EventRoutes(server).all + HistoryRoutes(server).all + reports + actions,
            version: musicFSVersion)
    }

    private static let origin = Operation.Parameter("origin", "The id of one origin; all by default.")

    private var reports: [Route] {
        [
            Route(.get, "/v1/status", Operation("How the mount does.", .json(StatusReport.self))) {
                _ throws(ControlError) in try .json(status())
            },
            Route(.get, "/v1/origins", Operation("The origins.", .json([OriginReport].self))) {
                _ throws(ControlError) in try .json(origins())
            },
            Route(
                .get, "/v1/info",
                Operation(
                    "Everything known about a file of the mount.",
                    [
                        .init(
                            "path", "Its path, below the mount point or whole; bytes are percent-encoded.",
                            isRequired: true)
                    ],
                    .json(InfoReport.self))
            ) { request throws(ControlError) in try .json(info(request)) },
            Route(
                .get, "/v1/quarantine", Operation("Files whose tags cannot be read.", .json([QuarantineReport].self))
            ) { _ throws(ControlError) in try .json(quarantine()) },
            Route(.get, "/v1/tasks", Operation("The server's tasks.", .json([TaskReport].self))) {
                _ throws(ControlError) in try .json(tasks())
            },
            Route(.get, "/v1/log-level", Operation("What is logged.", .json(LogLevelReport.self))) {
                _ throws(ControlError) in try .json(logLevel())
            },
            Route(.get, "/healthz", Operation("Answers while the server does.", .text(contentType: "text/plain"))) {
                _ throws(ControlError) in .text("ok\n")
            },
            Route(
                .get, "/metrics", Operation("Metrics in the Prometheus text format.", .text(contentType: "text/plain"))
            ) { _ throws(ControlError) in
                .text(MetricsPage(server).text(), contentType: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }

    private var actions: [Route] {
        [
            Route(
                .post, "/v1/origins/check",
                Operation("Check origins now.", [Self.origin], .json([OriginReport].self))
            ) { request throws(ControlError) in try check(request) },
            Route(
                .post, "/v1/scan",
                Operation(
                    "Scan now, and tell how far it is until it has ended.",
                    [
                        Self.origin, .init("full", "Read the tags of all files again.", .flag),
                        .init("accept_removals", "What has vanished is gone, even if it is much.", .flag),
                    ], .stream(ScanProgress.self))
            ) { request throws(ControlError) in try scan(request) },
            Route(
                .post, "/v1/shutdown",
                Operation(
                    "Stop and unmount.",
                    [
                        .init("timeout", "How long what is under way may take, such as 10s."),
                        .init("force", "End at once.", .flag),
                    ], .json(ShutdownReport.self))
            ) { request throws(ControlError) in
                try server.shutDown(patience(request), isForced: request.flag("force"))
                return try .json(ShutdownReport(stopping: true))
            },
            Route(
                .post, "/v1/restore", Operation("Take what 'musicfs restore' has put there.", .json(RestoreReport.self))
            ) { _ throws(ControlError) in try .json(server.takeRestored()) },
            Route(.post, "/v1/reload", Operation("Read the configuration again.", .json(ReloadReport.self))) {
                _ throws(ControlError) in try .json(server.reload())
            },
            Route(
                .put, "/v1/log-level",
                Operation(
                    "Change what is logged, until the server is replaced.",
                    [.init("level", "A level, or modules with levels: info,fuse=debug.", isRequired: true)],
                    .json(LogLevelReport.self))
            ) { request throws(ControlError) in try setLogLevel(request) },
            Route(
                .post, "/v1/upgrade",
                Operation("Let the program on disk take over without unmounting.", .json(UpgradeReport.self))
            ) { _ throws(ControlError) in try upgrade() },
        ]
    }

    private func patience(_ request: ControlRequest) throws(ControlError) -> Duration? {
        guard let text = request.text("timeout") else { return nil }
        guard let patience = Duration(configurationText: text) else {
            throw ControlError(.badRequest, "timeout is no duration", remedy: "write it as 10s or 500ms")
        }
        return patience
    }

    // MARK: Status

    func status() throws(ControlError) -> StatusReport {
        // A library that cannot be read is what the status is to tell of, rather than an error of its own.
        let known = try? server.readingTotals()
        let (totals, quarantined, records) = known ?? (LibraryTotals(), 0, [])
        let deaths = server.journal.deaths
        let cache = server.content.cache.statistics
        let cacheUse = CacheUse(usedBytes: cache.usedBytes, maxBytes: cache.maxBytes)
        var (state, problems) = server.state(records)
        if known == nil {
            (state, problems) = (
                state == .offline ? state : .degraded, problems + ["library: it cannot be read; see the log"]
            )
        }
        return StatusReport(
            name: server.settings.name, version: musicFSVersion,
            state: state.rawValue,
            mountPoint: server.settings.mountPoint.description,
            cacheDirectory: server.settings.cacheDirectory.description,
            stateDirectory: server.settings.stateDirectory.description, pid: Int(ThisProcess.pid),
            guardianPID: Int(ThisProcess.parent),
            uptimeSeconds: Int64((monotonicNanoseconds() - server.started) / 1_000_000_000),
            restarts: Int(clamping: deaths.restarts),
            lastCrash: lastCrash(deaths),
            tracks: totals.tracks, directories: totals.directories, quarantined: quarantined,
            openFiles: server.fuse.statistics.openFiles,
            fuseOperations: Int64(clamping: server.fuse.statistics.operations),
            residentBytes: ThisProcess.residentBytes, descriptors: ThisProcess.openDescriptors,
            origins: origins(records),
            cache: cacheUse,
            search: server.search.use,
            tasks: tasks(),
            events: EventsReport(capacity: server.events.capacity, lagged: Int64(clamping: server.events.laggedTotal)),
            stores: server.checks.reports,
            degradedBecause: problems)
    }

    private func tasks() -> [TaskReport] {
        server.supervisor.tasks.map {
            TaskReport(
                name: $0.name, state: $0.state.rawValue, attempt: $0.attempt, since: Timestamp(nanoseconds: $0.since))
        }
    }

    private func logLevel() -> LogLevelReport { LogLevelReport(level: "\(server.logs.filter)") }

    /// Until the server is replaced; `log.level` in the configuration is for ever.
    private func setLogLevel(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        let text = request.text("level") ?? ""
        do {
            server.logs.filter = try LogFilter(parsing: text)
        } catch {
            throw ControlError(.badRequest, "\(error)", remedy: "use a level such as debug, or info,fuse=debug")
        }
        server.log.notice("the log level was changed", metadata: ["level": "\(text)"])
        return try .json(logLevel())
    }

    /// The last death, with what the dying server said of it.
    private func lastCrash(_ deaths: Journal.Deaths) -> CrashReport? {
        guard deaths.lastTime != 0 else { return nil }
        let time = Timestamp(nanoseconds: deaths.lastTime)
        let last = server.crashes.newest
        // Written within the seconds before the guardian saw it die.
        if let last, abs(last.time - deaths.lastTime / 1_000_000_000) <= 5 {
            return CrashReport(time: time, signal: last.signal, summary: last.summary)
        }
        return CrashReport(
            time: time, signal: deaths.lastSignal == 0 ? nil : Signal.name(deaths.lastSignal),
            summary: "the server died and was replaced")
    }

    private func origins() throws(ControlError) -> [OriginReport] {
        origins(try server.reading { try $0.origins() })
    }

    private func origins(_ records: [OriginRecord]) -> [OriginReport] {
        server.origins.map { task in
            let record = records.first { $0.id == task.id }
            let known = server.content.health.health(of: task.id)
            let message = server.problem(of: task, record)
            return OriginReport(
                id: task.setting.id, type: task.setting.kind.rawValue,
                health: task.message != nil ? "unhealthy" : known?.health.status.rawValue ?? "unknown",
                message: message, tracks: record?.tracks ?? 0, replicas: record?.files ?? 0,
                latencyMilliseconds: known?.health.medianLatency.map { Double($0) / 1e6 },
                lastCheck: known?.lastCheck.map { Timestamp(nanoseconds: $0) },
                lastScan: record?.lastScan.map { Timestamp(nanoseconds: $0) },
                isSuspect: record?.suspect != nil, isWatching: task.synchronizer?.isWatching ?? false)
        }
    }

    private func quarantine() throws(ControlError) -> [QuarantineReport] {
        try server.reading { try $0.quarantine() }.map {
            QuarantineReport(origin: $0.origin, path: $0.path.description, reason: $0.reason)
        }
    }

    // MARK: Upgrade

    /// Asks the program on disk whether it can take over, and the guardian to let it.
    private func upgrade() throws(ControlError) -> ControlResponse {
        guard let program = ThisProcess.executable else {
            throw ControlError(.failed, "/proc does not say where the program is", remedy: "mount /proc")
        }
        let question = Handover.question(server.launch.arguments)
        do {
            let answer = try runProgram(
                [program.description] + question, until: monotonicNanoseconds() + Handover.patience)
            guard answer.status == 0 else {
                let reason = String(decoding: answer.output, as: UTF8.self).split(separator: "\n").last ?? ""
                throw ControlError(
                    .failed, "the program on disk cannot take over: \(reason)",
                    remedy: "nothing was changed; put \(program) right and try again")
            }
        } catch let error as ControlError { throw error } catch {
            throw ControlError(.failed, "\(program) cannot be run: \(error)", remedy: "nothing was changed")
        }
        guard sendSignal(Signal.user2, to: ThisProcess.parent) else {
            throw ControlError(.failed, "the guardian cannot be told to upgrade")
        }
        return try .json(UpgradeReport(upgrading: true))
    }

    // MARK: Info

    /// `path` is below the mount point, as the caller sees it.
    private func info(_ request: ControlRequest) throws(ControlError) -> InfoReport {
        guard let bytes = request.bytes("path"), let path = FilePath(bytes: bytes) else {
            throw ControlError(.badRequest, "no path was given", remedy: "add ?path=PATH")
        }
        let mount = server.settings.mountPoint
        let components =
            path.isWithin(mount) ? Array(path.components.dropFirst(mount.components.count)) : path.components
        do throws(CacheError) {
            let tree = try server.library.makeTreeReader()
            var entry = try tree.entry(node: 1)
            for component in components {
                guard let here = entry else { break }
                entry = try tree.entry(parent: here.node, name: Array(component))
            }
            guard let entry, entry.kind == .file, let record = try server.library.makeReader().file(node: entry.node)
            else {
                throw CacheError(.failed, "there is no file \(path) in the mount")
            }
            let cached = try tree.version(entry.version)?.key.map { server.content.cache.storedCount($0) } ?? 0
            let plan: String
            switch server.content.router.plan(origin: entry.origin) {
            case .direct: plan = "direct"
            case .passthrough: plan = "passthrough"
            case .cached: plan = "cached"
            }
            let healthy = Set(server.origins.filter { server.content.health.isUsable(origin: $0.id) }.map(\.id))
            return InfoReport(
                path: path.description, trackID: record.track ?? 0, size: entry.size,
                media: record.report ?? MediaReport(tags: Tags()),
                replicas: record.replicas.enumerated().map { index, replica in
                    ReplicaReport(
                        origin: replica.origin, realPath: replica.realPath.description, size: replica.size,
                        mtime: Timestamp(nanoseconds: replica.modified), isHealthy: healthy.contains(replica.originID),
                        isPreferred: index == 0)
                }, plan: plan, cachedBytes: cached, quarantined: record.quarantined)
        } catch { throw ControlError(.notFound, error.message) }
    }

    // MARK: Health

    /// Has origins checked now, and answers when that has ended.
    private func check(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        let chosen = try server.origins(called: request.text("origin"))
        let health = server.content.health
        let before = chosen.map { health.health(of: $0.id)?.lastCheck }
        for origin in chosen { health.checkNow(origin.id) }
        let deadline = monotonicNanoseconds() &+ server.settings.health.timeout.nanoseconds &+ 1_000_000_000
        while monotonicNanoseconds() < deadline {
            let isDone = zip(chosen, before).allSatisfy { origin, before in
                health.health(of: origin.id).map { $0.lastCheck != before } ?? true
            }
            if isDone { break }
            _ = pollReadable([], milliseconds: 20)
        }
        let ids = Set(chosen.map(\.setting.id))
        return try .json(origins().filter { ids.contains($0.id) })
    }

    // MARK: Scan

    /// Starts scans and streams their progress until all have ended.
    private func scan(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        let chosen = try server.origins(called: request.text("origin"))
        let synchronizers = chosen.compactMap(\.synchronizer)
        let acceptsRemovals = request.flag("accept_removals")
        let isFull = request.flag("full")
        let tickets = synchronizers.map {
            ($0, $0.requestScan(acceptsRemovals: acceptsRemovals, isFull: isFull))
        }
        let unreachable = chosen.filter { $0.synchronizer == nil }
        return .stream { writer in
            for origin in unreachable {
                _ = try? writer.send(
                    ScanProgress(origin: origin.setting.id, phase: .done, error: origin.message ?? "not available"))
            }
            var waiting = tickets
            while !waiting.isEmpty, writer.isOpen {
                _ = pollReadable([], milliseconds: 100)
                waiting.removeAll { synchronizer, ticket in
                    let isDone = synchronizer.hasFinished(ticket)
                    _ = try? writer.send(ScanProgress(synchronizer.monitor.snapshot, isDone: isDone))
                    return isDone
                }
            }
        }
    }
}

extension ScanProgress {
    init(_ state: ScanState, isDone: Bool) {
        let now = state.ended ?? monotonicNanoseconds()
        let seconds = max(Double(now &- state.started) / 1e9, 0.001)
        let rate = Double(state.filesSeen) / seconds
        var left: Int64?
        if let expected = state.filesExpected, rate > 0, !isDone {
            left = Int64(max(0, Double(expected - state.filesSeen)) / rate)
        }
        let phase: Phase
        switch state.phase {
        case .idle, .walking: phase = .walking
        case .reading: phase = .reading
        case .applying: phase = .applying
        case .done, .failed: phase = .done
        }
        self.init(
            origin: state.origin, phase: isDone ? .done : phase == .done ? .walking : phase,
            filesSeen: Int64(state.filesSeen), filesTotal: state.filesExpected.map(Int64.init),
            filesNew: Int64(state.filesNew), filesChanged: Int64(state.filesChanged),
            filesRemoved: Int64(state.filesRemoved), filesPerSecond: rate, etaSeconds: left,
            isSuspect: isDone ? state.suspect != nil : nil, error: isDone ? state.error : nil)
    }
}
