import MusicFSCAS
import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem

/// The content path, put together: cache, health, routing, and what keeps the bytes that scans fetch.
struct Content {
    let cache: ContentCache
    let health: HealthMonitor
    let router: ContentRouter
    let sink: RemoteContentSink

    /// - Parameters:
    ///   - ids: `origins.id` by the configuration's id.
    ///   - onHealth: called on any thread when an origin's status changes.
    ///   - onStale: called when a file turned out to be another one; with the origin and the folder.
    init(
        _ settings: DaemonSettings, library: Library, ids: [String: Int64], timer: DeadlineTimer,
        allowsPassthrough: Bool, events: EventBus?, logs: LogSystem, onHealth: @escaping HealthMonitor.OnChange,
        onStale: @escaping @Sendable (Int64, [UInt8]) -> Void
    ) throws {
        let isNeeded =
            settings.cache.maxSize > 0 && settings.origins.contains { $0.kind != .local || $0.cache == .always }
        let store =
            isNeeded
            ? try ChunkStore(
                directory: settings.cacheDirectory, limit: settings.cache.maxSize, log: logs.logger("cache"),
                onEviction: { events?.publish(.cacheEviction(bytesFreed: $0)) }) : nil
        cache = try ContentCache(
            store: store, budget: BufferBudget(limit: settings.cache.memory),
            settings: ContentCache.Settings(readAhead: settings.cache.readAhead), timer: timer)
        var health = HealthMonitor.Settings()
        (health.interval, health.timeout) = (settings.health.interval, settings.health.timeout)
        health.slow = settings.health.slow
        self.health = HealthMonitor(settings: health, onChange: onHealth)
        var known: [Int64: Configuration.Origin] = [:]
        for origin in settings.origins { if let id = ids[origin.id] { known[id] = origin } }
        router = ContentRouter(
            library: library, cache: cache, health: self.health, scheduler: try Scheduler(), settings: known,
            allowsPassthrough: allowsPassthrough, log: logs.logger("content"), onStale: onStale)
        sink = try RemoteContentSink(router: router, identifiesContent: settings.cache.retag == .trust)
    }

    func stop() {
        sink.stop()
        cache.close()
    }
}
