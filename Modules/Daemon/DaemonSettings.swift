import MusicFSCache
package import MusicFSCore
package import MusicFSSystem

/// What a daemon works with, after the configuration was read and checked.
package struct DaemonSettings: Sendable {
    package struct Origin: Hashable, Sendable {
        package var id: String
        package var path: FilePath
        package var priority: Int
        package var timeout: Duration
        package var pollInterval: Duration

        package init(id: String, path: FilePath, priority: Int, timeout: Duration, pollInterval: Duration) {
            self.id = id
            self.path = path
            self.priority = priority
            self.timeout = timeout
            self.pollInterval = pollInterval
        }

        var librarySetting: OriginSetting { OriginSetting(name: id, type: "local", root: path, priority: priority) }
    }

    package var name: String
    package var mountPoint: FilePath
    /// The instance's own directories.
    package var cacheDirectory: FilePath
    package var stateDirectory: FilePath
    package var template: PathTemplate
    package var showsCompanions: Bool
    package var origins: [Origin]
    /// Media workers; 0 for one each core.
    package var workers: Int
    package var removalBrake: Double
    package var allowOther: Bool
    package var timeout: Duration
    package var allowsPassthrough: Bool
    /// Threads of the request loop; 0 for as many as cores, at least 2.
    package var threads: Int
    package var heartbeatTimeout: Duration
    package var maxRestarts: Int
    package var socketPath: FilePath
    package var socketGroup: String?
    package var eventCapacity: Int
    package var scansAtStart: Bool

    package init(
        name: String, mountPoint: FilePath, cacheDirectory: FilePath, stateDirectory: FilePath, template: PathTemplate,
        showsCompanions: Bool, origins: [Origin], workers: Int, removalBrake: Double, allowOther: Bool,
        timeout: Duration, allowsPassthrough: Bool, threads: Int, heartbeatTimeout: Duration, maxRestarts: Int,
        socketPath: FilePath, socketGroup: String?, eventCapacity: Int, scansAtStart: Bool
    ) {
        self.name = name
        self.mountPoint = mountPoint
        self.cacheDirectory = cacheDirectory
        self.stateDirectory = stateDirectory
        self.template = template
        self.showsCompanions = showsCompanions
        self.origins = origins
        self.workers = workers
        self.removalBrake = removalBrake
        self.allowOther = allowOther
        self.timeout = timeout
        self.allowsPassthrough = allowsPassthrough
        self.threads = threads
        self.heartbeatTimeout = heartbeatTimeout
        self.maxRestarts = maxRestarts
        self.socketPath = socketPath
        self.socketGroup = socketGroup
        self.eventCapacity = eventCapacity
        self.scansAtStart = scansAtStart
    }

    /// Those that the instance locks, so that no other works with them.
    package var ownDirectories: [FilePath] {
        cacheDirectory == stateDirectory ? [cacheDirectory] : [cacheDirectory, stateDirectory]
    }

    package var libraryPath: FilePath { cacheDirectory.appending("library.db") }
    package var epochFile: FilePath { stateDirectory.appending("epoch") }
}

/// The version of this program.
package let musicFSVersion = "0.1.0"
