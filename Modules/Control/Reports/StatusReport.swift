/// How a daemon does: the answer of `/v1/status` and of `musicfs status --json`.
package struct StatusReport: Codable, Hashable, Sendable {
    /// The instance's name (D22).
    package var name: String
    package var version: String
    /// The mount's state (`MountState`): mounting, ready, syncing, degraded, offline or unmounting.
    package var state: String
    package var mountPoint: String
    /// The instance's own directories.
    package var cacheDirectory: String
    package var stateDirectory: String
    package var pid: Int
    package var guardianPID: Int
    /// Seconds that this server has run.
    package var uptimeSeconds: Int64
    /// How often the guardian has restarted the server.
    package var restarts: Int
    @Nullable package var lastCrash: CrashReport?
    package var tracks: Int64
    package var directories: Int64
    package var quarantined: Int64
    package var openFiles: Int
    package var fuseOperations: Int64
    package var residentBytes: Int64
    /// Open descriptors.
    package var descriptors: Int
    package var origins: [OriginReport]
    package var cache: CacheUse
    package var search: SearchUse
    package var tasks: [TaskReport]
    package var events: EventsReport
    /// What was found when the stores were looked through last; those that were not yet are missing.
    package var stores: [StoreCheckReport]
    /// Reasons for a state of degraded or offline, in sentences.
    package var degradedBecause: [String]

    package init(
        name: String, version: String, state: String, mountPoint: String, cacheDirectory: String,
        stateDirectory: String, pid: Int, guardianPID: Int,
        uptimeSeconds: Int64, restarts: Int, lastCrash: CrashReport?, tracks: Int64, directories: Int64,
        quarantined: Int64, openFiles: Int, fuseOperations: Int64, residentBytes: Int64, descriptors: Int,
        origins: [OriginReport], cache: CacheUse, search: SearchUse, tasks: [TaskReport], events: EventsReport,
        stores: [StoreCheckReport], degradedBecause: [String]
    ) {
        self.name = name
        self.version = version
        self.state = state
        self.mountPoint = mountPoint
        self.cacheDirectory = cacheDirectory
        self.stateDirectory = stateDirectory
        self.pid = pid
        self.guardianPID = guardianPID
        self.uptimeSeconds = uptimeSeconds
        self.restarts = restarts
        self.lastCrash = lastCrash
        self.tracks = tracks
        self.directories = directories
        self.quarantined = quarantined
        self.openFiles = openFiles
        self.fuseOperations = fuseOperations
        self.residentBytes = residentBytes
        self.descriptors = descriptors
        self.origins = origins
        self.cache = cache
        self.search = search
        self.tasks = tasks
        self.events = events
        self.stores = stores
        self.degradedBecause = degradedBecause
    }

    private enum CodingKeys: String, CodingKey {
        case name, version, state, pid, restarts, tracks, directories, quarantined, origins, cache, search, tasks,
            events
        case stores
        case mountPoint = "mount_point"
        case cacheDirectory = "cache_dir"
        case stateDirectory = "state_dir"
        case guardianPID = "guardian_pid"
        case uptimeSeconds = "uptime_s"
        case lastCrash = "last_crash"
        case openFiles = "open_files"
        case fuseOperations = "fuse_ops_total"
        case residentBytes = "rss_bytes"
        case descriptors = "fds"
        case degradedBecause = "degraded_because"
    }
}

/// What was found in one of the daemon's stores.
package struct StoreCheckReport: Codable, Hashable, Sendable {
    package var name: String
    package var checked: Timestamp
    /// Empty where it is in order.
    package var problems: [String]

    package init(name: String, checked: Timestamp, problems: [String]) {
        self.name = name
        self.checked = checked
        self.problems = problems
    }
}

/// How full the cache is.
package struct CacheUse: Codable, Hashable, Sendable {
    package var usedBytes: Int64
    /// 0 where there is none.
    package var maxBytes: Int64

    package init(usedBytes: Int64, maxBytes: Int64) {
        self.usedBytes = usedBytes
        self.maxBytes = maxBytes
    }

    private enum CodingKeys: String, CodingKey {
        case usedBytes = "used_bytes"
        case maxBytes = "max_bytes"
    }
}

/// The last death of a server that had not been told to stop.
package struct CrashReport: Codable, Hashable, Sendable {
    package var time: Timestamp
    /// The name of the signal, such as SIGSEGV; nil when the server ended by itself.
    @Nullable package var signal: String?
    package var summary: String

    package init(time: Timestamp, signal: String?, summary: String) {
        self.time = time
        self.signal = signal
        self.summary = summary
    }
}

/// An origin as it is right now.
package struct OriginReport: Codable, Hashable, Sendable {
    package var id: String
    package var type: String
    /// healthy, degraded, unhealthy or unknown.
    package var health: String
    /// Why it is not healthy.
    @Nullable package var message: String?
    package var tracks: Int64
    package var replicas: Int64
    @Nullable package var latencyMilliseconds: Double?
    @Nullable package var lastCheck: Timestamp?
    @Nullable package var lastScan: Timestamp?
    /// Removals were held back because too much had vanished at once.
    package var isSuspect: Bool
    /// Changes are noticed without a scan.
    package var isWatching: Bool

    package init(
        id: String, type: String, health: String, message: String?, tracks: Int64, replicas: Int64,
        latencyMilliseconds: Double?, lastCheck: Timestamp?, lastScan: Timestamp?, isSuspect: Bool, isWatching: Bool
    ) {
        self.id = id
        self.type = type
        self.health = health
        self.message = message
        self.tracks = tracks
        self.replicas = replicas
        self.latencyMilliseconds = latencyMilliseconds
        self.lastCheck = lastCheck
        self.lastScan = lastScan
        self.isSuspect = isSuspect
        self.isWatching = isWatching
    }

    private enum CodingKeys: String, CodingKey {
        case id, type, health, message, tracks, replicas
        case latencyMilliseconds = "latency_ms"
        case lastCheck = "last_check"
        case lastScan = "last_scan"
        case isSuspect = "suspect"
        case isWatching = "watching"
    }
}

/// A task of the supervisor.
package struct TaskReport: Codable, Hashable, Sendable {
    package var name: String
    /// running, stuck, restarting, failed or finished.
    package var state: String
    /// How often it was started anew.
    package var attempt: Int
    /// Since when it is in this state.
    package var since: Timestamp

    package init(name: String, state: String, attempt: Int, since: Timestamp) {
        self.name = name
        self.state = state
        self.attempt = attempt
        self.since = since
    }
}

/// The event stream's buffer.
package struct EventsReport: Codable, Hashable, Sendable {
    /// Events that a subscriber may be behind.
    package var capacity: Int
    /// Events that subscribers missed because they were further behind.
    package var lagged: Int64

    package init(capacity: Int, lagged: Int64) {
        self.capacity = capacity
        self.lagged = lagged
    }

    private enum CodingKeys: String, CodingKey {
        case capacity
        case lagged = "lagged_total"
    }
}
