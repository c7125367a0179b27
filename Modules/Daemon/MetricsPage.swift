import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem

/// All metrics in the Prometheus text format: those that are counted where things happen, and those that are asked for
/// now. The latter are gathered anew for each page.
struct MetricsPage {
    private let server: Server
    private let registry = MetricsRegistry()

    init(_ server: Server) { self.server = server }

    /// What the library would tell is left out while it cannot be read: the rest is wanted all the more then.
    func text() -> String {
        let known = try? server.readingTotals()
        if let known { addLibrary(known.totals, quarantined: known.quarantined) }
        let records = known?.origins ?? []
        addOrigins(records)
        addServer(records)
        addCache()
        addEvents()
        addProcess()
        addDisks()
        return server.metrics.renderPrometheus() + registry.renderPrometheus()
    }

    private func gauge(
        _ name: String, _ help: String, _ value: some BinaryInteger, _ labels: KeyValuePairs<String, String> = [:]
    ) {
        registry.gauge(name, help: help, labels: labels).set(value)
    }

    private func gauge(
        _ name: String, _ help: String, _ value: Double, _ labels: KeyValuePairs<String, String> = [:]
    ) {
        registry.gauge(name, help: help, labels: labels).set(value)
    }

    private func counter(
        _ name: String, _ help: String, _ value: some BinaryInteger, _ labels: KeyValuePairs<String, String> = [:]
    ) {
        registry.counter(name, help: help, labels: labels).increment(by: UInt64(clamping: value))
    }

    private func addLibrary(_ totals: LibraryTotals, quarantined: Int64) {
        gauge("musicfs_tracks", "Tracks in the library.", totals.tracks)
        gauge("musicfs_files", "Files of the mount.", totals.files)
        gauge("musicfs_directories", "Directories of the mount.", totals.directories)
        gauge("musicfs_quarantined", "Files whose tags cannot be read.", quarantined)
    }

    private func addServer(_ records: [OriginRecord]) {
        gauge("musicfs_build_info", "1, with the version as label.", 1, ["version": musicFSVersion])
        gauge(
            "musicfs_uptime_seconds", "How long this server has run.",
            Double(monotonicNanoseconds() &- server.started) / 1e9)
        let (state, _) = server.state(records)
        for known in MountState.allCases {
            gauge("musicfs_state", "1 for the mount's state.", known == state ? 1 : 0, ["state": known.rawValue])
        }
        counter(
            "musicfs_server_restarts_total", "Servers that were replaced after a death.", server.journal.deaths.restarts
        )
        for task in server.supervisor.tasks {
            counter(
                "musicfs_task_restarts_total", "How often a task was begun anew.", task.attempt, ["task": task.name])
        }
        let statistics = server.fuse.statistics
        gauge("musicfs_open_files", "Files of the mount that are open.", statistics.openFiles)
        gauge("musicfs_fuse_queue_depth", "Requests that were taken and are not answered yet.", server.journal.pending)
        gauge(
            "musicfs_fuse_oldest_callback_seconds", "How long the oldest request has been in its handler.",
            Double(statistics.oldestHandler) / 1e9)
    }

    private func addOrigins(_ records: [OriginRecord]) {
        for origin in server.origins {
            let labels: KeyValuePairs = ["origin": origin.setting.id]
            let health = server.content.health
            let traffic = server.content.router.traffic(of: origin.id)
            gauge(
                "musicfs_origin_health", "1 while an origin answers.", health.isUsable(origin: origin.id) ? 1 : 0,
                labels)
            if let latency = health.health(of: origin.id)?.health.medianLatency {
                gauge(
                    "musicfs_origin_latency_seconds", "Median latency of an origin's last requests.",
                    Double(latency) / 1e9,
                    labels)
            }
            counter("musicfs_origin_requests_total", "Fetches from an origin.", traffic.requests, labels)
            counter("musicfs_origin_errors_total", "Fetches from an origin that failed.", traffic.errors, labels)
            counter("musicfs_origin_fetched_bytes_total", "Bytes fetched from an origin.", traffic.bytes, labels)
            counter(
                "musicfs_sync_files_changed", "Files of an origin that came, went or changed.",
                origin.synchronizer?.filesChanged.value ?? 0,
                labels)
            let tracks = records.first { $0.id == origin.id }?.tracks ?? 0
            gauge("musicfs_origin_tracks", "Tracks of an origin, its copies of others' included.", tracks, labels)
        }
    }

    private func addCache() {
        let cache = server.content.cache.statistics
        counter("musicfs_cache_hits_total", "Reads that the cache served.", cache.hits)
        counter("musicfs_cache_misses_total", "Reads that an origin was asked for.", cache.misses)
        counter("musicfs_cache_evicted_bytes_total", "Bytes that made room for others.", cache.evictedBytes)
        gauge("musicfs_cache_size_bytes", "Bytes of all packs of chunks.", cache.usedBytes)
        gauge("musicfs_cache_max_bytes", "What they may be at the most.", cache.maxBytes)
        gauge("musicfs_cache_pinned_bytes", "Bytes that are kept whatever happens.", cache.pinnedBytes)
        gauge("musicfs_cache_chunks_total", "Chunks.", cache.chunks)
        gauge(
            "musicfs_cache_buffer_bytes", "Memory that cache.memory limits, in use.", server.content.cache.budget.used)
    }

    private func addEvents() {
        counter("musicfs_events_total", "Events.", server.events.publishedTotal)
        counter("musicfs_events_lagged_total", "Events that subscribers were too slow for.", server.events.laggedTotal)
        counter(
            "musicfs_events_dropped_total", "Opens and releases that were not told because thousands came at once.",
            server.fileEvents.dropped.value)
        counter(
            "musicfs_history_lost_total", "Opens and releases that the history's disk did not take.",
            server.history.lost.value)
        gauge("musicfs_event_subscribers", "Who follows the events.", server.events.subscribers)
    }

    /// By the names that other programs' metrics have.
    private func addProcess() {
        gauge("process_open_fds", "Open descriptors of the server.", ThisProcess.openDescriptors)
        gauge("process_max_fds", "How many it may have.", ThisProcess.descriptorLimit)
        gauge("process_resident_memory_bytes", "Memory of the server that is in RAM.", ThisProcess.residentBytes)
        registry.gauge("process_start_time_seconds", help: "When the server was started, since 1970.").set(
            Double(wallClockNanoseconds()) / 1e9 - Double(monotonicNanoseconds() &- server.started) / 1e9)
        // Seconds with a fraction, which a counter of whole numbers cannot hold.
        registry.gauge("musicfs_processor_seconds", help: "Time that the server's threads have run.").set(
            Double(ThisProcess.processorNanoseconds) / 1e9)
    }

    private func addDisks() {
        for (name, path) in [("cache", server.settings.cacheDirectory), ("state", server.settings.stateDirectory)] {
            guard let status = try? FileSystemStatus.of(path) else { continue }
            gauge(
                "musicfs_disk_free_bytes", "Room on the disk of a directory.",
                status.availableBlocks &* status.blockSize,
                ["directory": name])
            gauge(
                "musicfs_disk_size_bytes", "Size of the disk of a directory.", status.blocks &* status.blockSize,
                ["directory": name])
        }
    }
}
