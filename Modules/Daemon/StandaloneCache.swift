import MusicFSCAS
package import MusicFSControl
package import MusicFSCore
import MusicFSSystem

/// The cache's directory without a daemon: the same locks and the same store.
package final class StandaloneCache {
    private let locks: [SharedFD]
    private let cache: ContentCache

    /// - Throws: `MountError` where a daemon has the directory.
    package init(_ settings: DaemonSettings, logs: LogSystem) throws {
        locks = try MountPreparation.lock(settings.ownDirectories)
        cache = try Self.open(settings, log: logs.logger("cache"))
    }

    /// For a process that holds the locks.
    init(unlocked settings: DaemonSettings, log: Logger) throws {
        locks = []
        cache = try Self.open(settings, log: log)
    }

    private static func open(_ settings: DaemonSettings, log: Logger) throws -> ContentCache {
        let store = try ChunkStore(directory: settings.cacheDirectory, limit: settings.cache.maxSize, log: log)
        let cache = try ContentCache(
            store: store, budget: BufferBudget(limit: settings.cache.memory),
            settings: ContentCache.Settings(readAhead: 0), timer: try DeadlineTimer())
        // The index is open, and made anew where it was gone.
        try cache.flush()
        return cache
    }

    package var report: CacheReport { CacheReport(cache.statistics) }

    /// - Parameter show: takes the progress; ends the work by returning false.
    package func check(repairs: Bool, show: @escaping @Sendable (CacheProgress) -> Bool) throws {
        let total = cache.statistics.chunks
        let report = try cache.check(repairs: repairs) {
            show(CacheProgress($0, isFinished: false, total: total))
        }
        if let report { _ = show(CacheProgress(report, isFinished: true, total: total)) }
    }

    package func clear(origin: String?) throws -> CacheChange { CacheChange(bytes: try cache.clear(origin: origin)) }

    package func close() { cache.close() }
}
