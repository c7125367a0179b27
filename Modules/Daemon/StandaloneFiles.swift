import MusicFSCache
package import MusicFSControl
package import MusicFSCore
package import MusicFSSystem

/// Files of the cache by their names in the mount, without a daemon.
package final class StandaloneFiles {
    private let standalone: StandaloneLibrary
    private let files: CacheFiles

    /// - Throws: `MountError` where a daemon has the library.
    package init(_ settings: DaemonSettings, logs: LogSystem, environment: [String: String]) throws {
        standalone = try StandaloneLibrary(settings, origin: nil, logs: logs, environment: environment)
        for origin in standalone.origins { origin.bringUp() }
        files = CacheFiles(
            library: standalone.library, content: standalone.content,
            curation: Curation(settings.stateDirectory, log: logs.logger("curation")), mountPoint: settings.mountPoint)
    }

    package func pin(_ paths: [FilePath], _ isPinned: Bool) throws -> CacheChange { try files.pin(paths, isPinned) }

    /// - Parameter show: takes the progress; ends the work by returning false.
    package func prefetch(_ paths: [FilePath], show: (CacheProgress) throws -> Bool) throws {
        try files.prefetch(paths, show: show)
    }

    /// - Parameter show: as that of `prefetch`.
    package func compare(show: (CacheProgress) throws -> Bool) throws { try files.compare(show: show) }

    package func close() { standalone.close() }
}
