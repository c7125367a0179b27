import MusicFSCache
package import MusicFSCore
package import MusicFSSystem

/// What a daemon works with, after the configuration was read and checked.
package struct DaemonSettings: Sendable {
    package var name: String
    package var mountPoint: FilePath
    /// The instance's own directories.
    package var cacheDirectory: FilePath
    package var stateDirectory: FilePath
    package var template: PathTemplate
    package var showsCompanions: Bool
    package var hasVirtualDirectories: Bool
    package var origins: [Configuration.Origin]
    package var cache: Configuration.Cache
    package var health: Configuration.Health
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
    /// Where the control interface is on TCP too, and what it asks for there.
    package var tcp: (address: LoopbackAddress, tokenFile: FilePath)?
    package var eventCapacity: Int
    package var prefetch: Configuration.Prefetch
    package var history: Configuration.History
    package var scansAtStart: Bool

    package init(
        name: String, mountPoint: FilePath, cacheDirectory: FilePath, stateDirectory: FilePath, template: PathTemplate,
        showsCompanions: Bool, hasVirtualDirectories: Bool, origins: [Configuration.Origin],
        cache: Configuration.Cache,
        health: Configuration.Health, workers: Int, removalBrake: Double, allowOther: Bool,
        timeout: Duration, allowsPassthrough: Bool, threads: Int, heartbeatTimeout: Duration, maxRestarts: Int,
        socketPath: FilePath, socketGroup: String?, tcp: (address: LoopbackAddress, tokenFile: FilePath)?,
        eventCapacity: Int, prefetch: Configuration.Prefetch, history: Configuration.History, scansAtStart: Bool
    ) {
        self.name = name
        self.mountPoint = mountPoint
        self.cacheDirectory = cacheDirectory
        self.stateDirectory = stateDirectory
        self.template = template
        self.showsCompanions = showsCompanions
        self.hasVirtualDirectories = hasVirtualDirectories
        self.origins = origins
        self.cache = cache
        self.health = health
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
        self.tcp = tcp
        self.eventCapacity = eventCapacity
        self.prefetch = prefetch
        self.history = history
        self.scansAtStart = scansAtStart
    }

    /// Those that the instance locks, so that no other works with them.
    package var ownDirectories: [FilePath] {
        cacheDirectory == stateDirectory ? [cacheDirectory] : [cacheDirectory, stateDirectory]
    }

    /// Threads of the request loop for what is configured.
    package static func loopThreads(_ configured: Int) -> Int {
        min(configured > 0 ? configured : max(2, ThisProcess.cores), 64)
    }

    package var historyPath: FilePath { stateDirectory.appending(History.fileName) }
    package var libraryPath: FilePath { cacheDirectory.appending(Library.fileName) }
    func libraryOptions(
        nextEpoch: @escaping @Sendable () throws -> Int64, onCommit: @escaping Library.OnCommit,
        onFailure: @escaping Library.OnFailure, onFiles: Library.OnFiles? = nil
    ) -> Library.Options {
        Library.Options(
            template: template, showsCompanions: showsCompanions, identifiesContent: cache.retag == .trust,
            nextEpoch: nextEpoch, onCommit: onCommit, onFailure: onFailure, onFiles: onFiles)
    }

    /// Where `musicfs restore` puts a library.
    var restoredLibrary: FilePath { libraryPath.suffixed(".restore") }
    /// There while a mount is served, and after one that was not ended in order.
    var runningMark: FilePath { stateDirectory.appending("running") }
    var epochFile: FilePath { stateDirectory.appending("epoch") }
}

/// The version of this program.
package let musicFSVersion = "0.1.0"

extension Configuration.Origin {
    /// How the library keeps it.
    var librarySetting: OriginSetting {
        OriginSetting(
            name: id, type: kind.rawValue, root: displayRoot, priority: priority,
            isCached: cache == .always || cache == .auto && kind != .local)
    }

    /// Where it is, for people: a directory, or something like `s3://bucket/prefix`.
    var displayRoot: FilePath {
        switch kind {
        case .local, .nfs, .smb: path ?? "/"
        case .s3: FilePath("s3://\(bucket)" + (prefix.isEmpty ? "" : "/\(prefix)"))
        case .sftp: FilePath("sftp://\(user)@\(host)\(path?.description ?? "")")
        case .webdav: FilePath(url)
        }
    }
}
