import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem
import Synchronization

/// Looks the stores through while they are served, and remembers what was found.
final class StoreChecks: Sendable {
    private let settings: DaemonSettings
    private let library: Library
    private let curation: Curation
    private let history: History
    private let cache: ContentCache
    private let indexer: SearchIndexer
    private let recovery: LibraryRecovery
    private let log: Logger
    private let results = Mutex<[String: StoreCheckReport]>([:])

    /// Chunks that are looked at in one go.
    private static let sample = 100

    init(
        _ settings: DaemonSettings, library: Library, curation: Curation, history: History, cache: ContentCache,
        indexer: SearchIndexer, recovery: LibraryRecovery, log: Logger
    ) {
        self.settings = settings
        self.library = library
        self.curation = curation
        self.history = history
        self.cache = cache
        self.indexer = indexer
        self.recovery = recovery
        self.log = log
    }

    /// By the stores' names.
    var reports: [StoreCheckReport] { results.withLock { $0.values.sorted { $0.name < $1.name } } }

    private func note(_ name: String, _ problems: [String]) {
        let time = Timestamp(nanoseconds: wallClockNanoseconds())
        results.withLock { $0[name] = StoreCheckReport(name: name, checked: time, problems: problems) }
        if problems.isEmpty { return log.info("a store is in order", metadata: ["store": "\(name)"]) }
        log.warning(
            "a store is damaged", metadata: ["store": "\(name)", "problems": "\(problems.joined(separator: "; "))"])
    }

    /// Nobody looks them through for now: those that did have died of it.
    func noteDeaths() {
        note("stores", ["servers die while they look through them; unmount, and use 'musicfs mount --repair'"])
    }

    /// `quick_check` of every database; what is bad is replaced at once.
    func checkDatabases() {
        do {
            if let found = try LibraryFile.examine(library.path, isFull: false) {
                note("library", found.problems)
                if let first = found.problems.first {
                    recovery.failed(CacheError(.damaged, "library: \(first)"), isWrite: false)
                }
            }
        } catch { log.warning("the library cannot be checked", metadata: ["error": "\(error)"]) }
        do { note("curation", try curation.check(isFull: false)) } catch {
            // It was in order at another time, which says nothing now.
            results.withLock { $0["curation"] = nil }
            log.warning("what was curated cannot be checked", metadata: ["error": "\(error)"])
        }
        do { note("history", try history.check(isFull: false)) } catch {
            results.withLock { $0["history"] = nil }
            log.warning("the history cannot be checked", metadata: ["error": "\(error)"])
        }
        checkSearchIndex()
        guard cache.store != nil else { return }
        do { note("cache index", try cache.checkIndex(isFull: false)) } catch {
            log.warning("the cache's index cannot be checked", metadata: ["error": "\(error)"])
        }
    }

    /// Reads the search index through; a damaged one is built anew at once.
    private func checkSearchIndex() {
        guard let snapshot = indexer.snapshot.searchable else { return }
        do throws(SearchError) {
            try snapshot.verify()
            note("search index", [])
        } catch {
            note("search index", ["\(error)"])
            if error.code == .damaged { indexer.foundDamage(error, in: snapshot) }
        }
    }

    /// Compares some chunks with their checksums, and all of them where more than one in a hundred is bad.
    func scrub(_ context: TaskContext) {
        do {
            let (checked, bad) = try cache.scrub(Self.sample) {
                context.beat()
                return !context.isCancelled
            }
            guard checked > 0 else { return }
            note("chunks", bad == 0 ? [] : ["\(bad) of \(checked) chunks were bad, and were removed"])
            guard bad * 100 > checked, !context.isCancelled else { return }
            log.warning("many chunks are bad: all are looked at", metadata: ["bad": "\(bad)", "checked": "\(checked)"])
            let report = try cache.check(repairs: true) { _ in
                context.beat()
                return !context.isCancelled
            }
            guard let report else { return }
            note(
                "chunks",
                report.damaged == 0 ? [] : ["\(report.damaged) of \(report.chunks) chunks were bad, and were removed"])
        } catch { log.debug("the chunks cannot be checked", metadata: ["error": "\(error)"]) }
    }
}
