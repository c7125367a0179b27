import MusicFSCache
import MusicFSCore
import MusicFSSync
import MusicFSSystem

/// A library without a mount: the same locks, workers, origins and content path as a daemon's, and no file system.
final class StandaloneLibrary {
    private let locks: [SharedFD]
    let library: Library
    let media: MediaWorkers
    let content: Content
    let origins: [OriginTask]

    /// - Parameter origin: the id of the only one to be used; nil for all.
    /// - Throws: `MountError` where a daemon has the library, or there is no such origin.
    init(_ settings: DaemonSettings, origin: String?, logs: LogSystem, environment: [String: String]) throws {
        let chosen = settings.origins.filter { origin == nil || $0.id == origin }
        guard !chosen.isEmpty else {
            let ids = settings.origins.map(\.id).joined(separator: ", ")
            throw MountError("there is no origin \(origin ?? ""); use one of: \(ids)")
        }
        locks = try MountPreparation.lock(settings.ownDirectories)
        let log = logs.logger("scan")
        let epochs = EpochFile(path: settings.epochFile)
        let options = settings.libraryOptions(
            nextEpoch: {
                let next = EpochFile.next(after: epochs.saved)
                try epochs.save(next)
                return Int64(clamping: next)
            }, onCommit: { _, _ in }, onFailure: { _, _ in })
        library = try Library.openRebuilding(settings.libraryPath, options, log)
        SearchIndexer.removeIfAhead(of: library, settings, log)
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
    }

    func close() {
        media.stop()
        content.stop()
    }
}
