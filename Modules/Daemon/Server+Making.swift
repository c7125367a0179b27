import MusicFSCache
import MusicFSCore
import MusicFSFUSE
import MusicFSSystem
import Synchronization

/// Parts of what a server is made of.
extension Server {
    static func reportCrashes(_ settings: DaemonSettings, _ log: Logger) {
        do throws(SystemError) {
            try CrashReports.install(program: "server", directory: settings.stateDirectory)
        } catch { log.warning("crashes will not be reported", metadata: ["error": "\(error)"]) }
    }

    /// The guardian remembers what was given out, so that epochs grow even while the file cannot be written; and the file,
    /// while there is no guardian.
    static func nextEpoch(_ file: EpochFile, _ guardian: GuardianClient, _ log: Logger) throws -> Int64 {
        let next = try guardian.nextEpoch(file.saved)
        do throws(SystemError) { try file.save(next) } catch {
            log.warning("the epoch could not be saved", metadata: ["error": "\(error)"])
        }
        return Int64(clamping: next)
    }

    static func makeSearch(
        _ settings: DaemonSettings, _ library: Library, _ journal: Journal, _ later: Later, _ metrics: MetricsRegistry,
        log: Logger
    ) -> SearchService {
        let indexer = SearchIndexer(
            library: library, cacheDirectory: journal.place == .memory ? nil : settings.cacheDirectory, log: log,
            onCommit: { later.listsChanged() })
        later.set(indexer)
        return SearchService(
            indexer, library: library,
            recent: RecentSearches(settings.cacheDirectory.appending("searches"), log: log) { later.searchesChanged() },
            metrics: metrics)
    }

    static func makeCollections(
        _ curation: Curation, _ search: SearchService, _ history: History, _ library: Library, _ later: Later
    ) -> Collections {
        let makeReader = { @Sendable () throws(CacheError) -> LibraryReader? in try library.makeReader() }
        let collections = Collections(
            curation: curation, finder: search,
            history: LibraryPlayHistory(history: history, makeReader: makeReader),
            onChange: {
                later.listsChanged(in: CollectionDirectory.name)
                later.searchesChanged()
            }, makeReader: makeReader)
        // Before anybody looks one up. What goes wrong is told when it is tried again (`followCuration`).
        try? collections.refresh(lastChange: library.lastChange)
        return collections
    }

    /// So that their files can be opened when the mount appears; one that hangs is not waited for.
    static func bringUp(_ origins: [OriginTask], generation: UInt64) {
        for origin in origins { origin.beginToBringUp() }
        let begin = monotonicNanoseconds()
        for origin in origins {
            // Whoever reads from the others waits for this server.
            let isFar = origin.setting.kind != .local && generation > 1
            origin.waitUntilUp(begin &+ (isFar ? 150_000_000 : 500_000_000))
        }
    }

    /// What is made after those who need it.
    final class Later: Sendable {
        private let fuse = Mutex<FUSEServer?>(nil)
        private let indexer = Mutex<SearchIndexer?>(nil)

        func set(_ server: FUSEServer) { fuse.withLock { $0 = server } }
        func set(_ indexer: SearchIndexer) { self.indexer.withLock { $0 = indexer } }

        func committed(_ changes: [TreeChange], upTo sequence: Int64) {
            fuse.withLock { $0 }?.invalidate(changes, upTo: sequence)
            indexer.withLock { $0 }?.changed(upTo: sequence)
        }

        /// What is in virtual directories may be something else now.
        func listsChanged(in directory: String? = nil) { fuse.withLock { $0 }?.listsChanged(in: directory) }
        /// Others were searched for last.
        func searchesChanged() { fuse.withLock { $0 }?.namesChanged(in: SearchLists.name) }

        /// The mount is gone: the guardian is told, and this process asks itself to stop.
        func disconnected(_ guardian: GuardianClient) {
            try? guardian.disconnected()
            ThisProcess.send(Signal.terminate)
        }
    }
}
