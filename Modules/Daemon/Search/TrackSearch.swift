import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

/// What is asked of the index, by whatever way.
struct SearchRequest: Hashable, Sendable {
    var query: String
    var limit = 100
    var offset = 0
    /// Whether the last word may go on.
    var isTyping = false
}

/// One search in one state of the index, and what the library says of what it found.
struct TrackSearch {
    /// No query runs longer.
    static let patience: UInt64 = 1_000_000_000

    let snapshot: SearchSnapshot

    /// What a query found.
    struct Found: Sendable {
        var hits: [SearchHit]
        var total: Int
        /// The query that was searched for.
        var query: SearchQuery
        /// What was searched for where nothing matched what was written.
        var corrected: String?
    }

    /// - Throws: `QueryError`, `SearchError`.
    static func parse(_ text: String, isTyping: Bool = false) throws(QueryError) -> SearchQuery {
        try QueryParser.parse(
            text, options: QueryParser.Options(isTyping: isTyping, now: wallClockNanoseconds() / 1_000_000_000))
    }

    /// Finds the best tracks. A query that matches nothing is tried again with typing errors allowed.
    ///
    /// - Throws: `QueryError`, `SearchError`.
    func find(_ request: SearchRequest) throws -> Found {
        let query = try Self.parse(request.query, isTyping: request.isTyping)
        let options = SearchOptions(limit: request.limit, offset: request.offset, countsAll: true)
        let results = try snapshot.search(query, options: options)
        if results.total.count == 0, let tolerant = query.tolerant {
            let others = try snapshot.search(tolerant, options: options)
            if others.total.count > 0 {
                return Found(hits: others.hits, total: others.total.count, query: tolerant, corrected: "")
            }
        }
        return Found(hits: results.hits, total: results.total.count, query: query, corrected: nil)
    }

    /// Finds tracks, and tells what they are.
    ///
    /// - Throws: `QueryError`, `SearchError`, `CacheError`.
    func report(_ request: SearchRequest, _ reader: LibraryReader, _ tree: TreeReader) throws -> SearchReport {
        let begin = monotonicNanoseconds()
        let found = try find(request)
        let scores = Dictionary(found.hits.map { ($0.id, $0.score) }, uniquingKeysWith: { first, _ in first })
        var results: [SearchReport.Result] = []
        for track in try reader.tracks(found.hits.lazy.map(\.id)) {
            // One that has gone since the index was written has no path.
            guard let path = try tree.path(ofFile: track.node) else { continue }
            let tags = track.tags ?? Tags()
            results.append(
                SearchReport.Result(
                    path: path.description, trackID: track.id, score: Double(scores[track.id] ?? 0),
                    title: tags.first(.title), artist: tags.first(.artist), album: tags.first(.album), year: tags.year,
                    highlights: [:]))
        }
        return SearchReport(
            query: request.query, total: found.total,
            microseconds: Int64((monotonicNanoseconds() - begin) / 1000), correctedTo: found.corrected,
            results: results)
    }
}

extension SearchResults.Total {
    var count: Int {
        switch self {
        case .exact(let count), .atLeast(let count): count
        }
    }
}

extension ControlError {
    /// What a search failed with, for who asked.
    init(search error: any Error) {
        switch error {
        case let error as ControlError: self = error
        case let error as QueryError:
            self.init(.badRequest, "query, character \(error.position): \(error.message)", remedy: error.hint)
        case let error as SearchError where error.code == .missing:
            self.init(.unavailable, "there is no search index yet", remedy: "wait until the library was scanned")
        default: self.init(.failed, "\(error)")
        }
    }
}
