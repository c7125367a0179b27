import MusicFSCache
package import MusicFSControl
package import MusicFSCore
import MusicFSSync
import MusicFSSystem

/// Scans without a mount: the same library, locks, workers and rules as a daemon's, and no file system.
package final class StandaloneScan {
    private let locks: [SharedFD]
    private let library: Library
    private let media: MediaWorkers
    private let content: Content
    private let supervisor: TaskSupervisor
    private let origins: [OriginTask]

    /// - Parameter origin: the id of the only one to scan; nil for all.
    /// - Throws: `MountError` where a daemon has the library, or there is no such origin.
    package init(
        _ settings: DaemonSettings, origin: String?, logs: LogSystem, environment: [String: String]
    ) throws {
        let chosen = settings.origins.filter { origin == nil || $0.id == origin }
        guard !chosen.isEmpty else {
            let ids = settings.origins.map(\.id).joined(separator: ", ")
            throw MountError("there is no origin \(origin ?? ""); use one of: \(ids)")
        }
        locks = try MountPreparation.lock(settings.ownDirectories)
        let log = logs.logger("scan")
        let epochs = EpochFile(path: settings.epochFile)
        library = try Server.openLibrary(
            settings, log: log,
            nextEpoch: {
                let next = epochs.next(after: 0)
                if let failure = next.failure { throw failure }
                return Int64(clamping: next.epoch)
            }, onCommit: { _, _ in })
        let ids = try library.setOrigins(settings.origins.map(\.librarySetting))
        media = try MediaWorkers(settings.workers, environment: environment, log: logs.logger("media"))
        let timer = try DeadlineTimer(clock: SystemClock())
        let content = try Content(
            settings, library: library, ids: ids, timer: timer, allowsPassthrough: false, events: nil, logs: logs,
            onHealth: { _, _, _ in }, onStale: { _, _ in })
        self.content = content
        let services = OriginServices(
            library: library, media: media, content: content.router, remote: content.sink,
            events: EventBus(capacity: settings.eventCapacity), log: logs.logger("sync"), settings: settings,
            factory: OriginFactory(
                timer: timer, makeClone: { try? SharedFD(cloneMountReadOnly($0)) }, log: logs.logger("origins")))
        origins = chosen.compactMap { setting in
            ids[setting.id].map { OriginTask(id: $0, setting: setting, services: services, scansAtStart: false) }
        }
        supervisor = try TaskSupervisor(logger: logs.logger("tasks"))
    }

    /// Scans until all origins are done.
    ///
    /// - Parameters:
    ///   - isFull: reads the tags of all files again.
    ///   - shouldStop: asked ten times a second; what was read so far is kept, and the next scan goes on with it.
    ///   - show: takes the progress of each origin as often, and for the last time with the phase `done`.
    /// - Returns: whether it came to its end.
    package func run(
        isFull: Bool, shouldStop: () -> Bool, show: (ScanProgress) throws -> Void
    ) throws -> Bool {
        defer {
            _ = supervisor.cancelAll(deadline: .seconds(30))
            media.stop()
            content.stop()
        }
        var waiting: [(origin: OriginTask, ticket: Int)] = []
        for origin in origins {
            origin.bringUp()
            guard let synchronizer = origin.synchronizer else {
                try show(ScanProgress(origin: origin.setting.id, phase: .done, error: origin.message))
                continue
            }
            waiting.append((origin, synchronizer.requestScan(isFull: isFull)))
            try supervisor.start("sync-\(origin.setting.id)", beatLimit: .seconds(300)) { try origin.run($0) }
        }
        while !waiting.isEmpty {
            if shouldStop() { return false }
            _ = pollReadable([], milliseconds: 100)
            var rest: [(origin: OriginTask, ticket: Int)] = []
            for (origin, ticket) in waiting {
                guard let synchronizer = origin.synchronizer else { continue }
                let isDone = synchronizer.hasFinished(ticket)
                try show(ScanProgress(synchronizer.monitor.snapshot, isDone: isDone))
                if !isDone { rest.append((origin, ticket)) }
            }
            waiting = rest
        }
        return true
    }
}
