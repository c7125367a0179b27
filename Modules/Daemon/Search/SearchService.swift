import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

/// Searches of the daemon: in the index as it was committed last. Methods may wait for a disk, and for as long as a query may
/// take.
struct SearchService: TrackFinder {
    let indexer: SearchIndexer
    let library: Library
    let recent: RecentSearches
    let searches: Counter

    init(_ indexer: SearchIndexer, library: Library, recent: RecentSearches, metrics: MetricsRegistry) {
        self.indexer = indexer
        self.library = library
        self.recent = recent
        searches = metrics.counter("musicfs_searches_total", help: "Queries that were run on the search index.")
    }

    func prepare() { indexer.waitWhileOpening(until: monotonicNanoseconds() + Self.patience) }

    func tracks(matching query: String, until deadline: UInt64) throws -> [Int64] {
        try searching(waitingUntil: deadline) { try $0.matches(query, deadline: deadline) }
    }

    /// - Throws: `ControlError`, with the place in the query where that cannot be read.
    func report(_ request: SearchRequest) throws(ControlError) -> SearchReport {
        do {
            var report = try searching {
                try $0.report(request, try library.makeReader(), try library.makeTreeReader())
            }
            if indexer.snapshot.phase == .building { report.isIncomplete = true }
            note(request, found: report.total)
            return report
        } catch { throw ControlError(search: error) }
    }

    /// - Throws: `QueryError`, `SearchError`, `ControlError`.
    func find(_ request: SearchRequest) throws -> TrackSearch.Found {
        let found = try searching { try $0.find(request) }
        note(request, found: found.total)
        return found
    }

    /// What finds nothing, or was not written to its end, nobody wants to see again.
    private func note(_ request: SearchRequest, found: Int) {
        if found > 0, !request.isTyping { recent.note(request.query) }
    }

    /// A server that has just begun looks its index through first: who asks meanwhile waits for that, nanoseconds, rather
    /// than getting an error because a server died.
    private static let patience: UInt64 = 2_500_000_000

    /// - Parameter deadline: how long an index that is being opened is waited for; nil for `patience`.
    /// - Throws: what `body` throws; `ControlError` where there is nothing to search in.
    func searching<R>(waitingUntil deadline: UInt64? = nil, _ body: (TrackSearch) throws -> R) throws -> R {
        indexer.waitWhileOpening(until: deadline ?? monotonicNanoseconds() + Self.patience)
        let state = indexer.snapshot
        guard let snapshot = state.searchable else {
            throw ControlError(
                .unavailable, state.message ?? "the search index is being opened",
                remedy: state.phase == .unavailable ? "see 'musicfs doctor'" : "try again in a moment")
        }
        searches.increment()
        do { return try body(TrackSearch(snapshot: snapshot)) } catch let error as SearchError {
            if error.code == .damaged { indexer.foundDamage(error, in: snapshot) }
            throw error
        }
    }

    var use: SearchUse {
        let state = indexer.snapshot
        return SearchUse(
            documents: Int64(state.searchable?.documentCount ?? 0),
            pending: max(state.lastChange - state.indexed, 0), state: state.phase.rawValue)
    }

    var statistics: SearchStatistics {
        let state = indexer.snapshot
        let snapshot = state.searchable
        return SearchStatistics(
            use, message: state.message, segments: snapshot?.segmentCount ?? 0, bytes: Int64(snapshot?.byteCount ?? 0),
            searches: Int64(clamping: searches.value))
    }

    /// Why the mount is degraded; nil where it is not.
    var problem: String? {
        let state = indexer.snapshot
        return state.phase == .degraded ? "search: \(state.message ?? "the index cannot be written")" : nil
    }
}
