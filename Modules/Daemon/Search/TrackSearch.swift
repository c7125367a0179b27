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
    /// Whether all that matches is counted.
    var countsAll = true
    /// Whether it is to be told how the query was understood, and what the scores are made of.
    var explains = false
}

/// One search in one state of the index, and what the library says of what it found.
struct TrackSearch {
    /// No query runs longer, nanoseconds.
    private static let patience: UInt64 = 1_000_000_000

    let snapshot: SearchSnapshot

    /// What a query found.
    struct Found: Sendable {
        var hits: [SearchHit]
        var total: Int
        /// The query that was searched for.
        var query: SearchQuery
        /// The text of what was searched for where nothing matched what was written.
        var corrected: String?
    }

    /// So many scores are explained at most.
    private static let explained = 100

    private static var deadline: UInt64 { monotonicNanoseconds() + patience }

    private static func options(isTyping: Bool) -> QueryParser.Options {
        QueryParser.Options(isTyping: isTyping, now: wallClockNanoseconds() / 1_000_000_000)
    }

    static func parse(_ text: String, isTyping: Bool = false) throws(QueryError) -> SearchQuery {
        try QueryParser.parse(text, options: options(isTyping: isTyping))
    }

    /// Finds the best tracks. A query that matches nothing is tried again with typing errors allowed.
    ///
    /// - Throws: `QueryError`, `SearchError`.
    func find(_ request: SearchRequest, deadline: UInt64 = Self.deadline) throws -> Found {
        let query = try Self.parse(request.query, isTyping: request.isTyping)
        let options = SearchOptions(limit: request.limit, offset: request.offset, countsAll: request.countsAll)
        let results = try snapshot.search(query, options: options, deadline: deadline)
        if results.total.count == 0, let tolerant = query.tolerant {
            let others = try snapshot.search(tolerant, options: options, deadline: deadline)
            if others.total.count > 0 {
                let words = try snapshot.corrections(of: query, hits: others.hits, deadline: deadline)
                let text = try QueryParser.replacing(
                    words, in: request.query, options: Self.options(isTyping: request.isTyping))
                return Found(hits: others.hits, total: others.total.count, query: tolerant, corrected: text)
            }
        }
        return Found(hits: results.hits, total: results.total.count, query: query, corrected: nil)
    }

    /// All tracks that match a query exactly as it is written, by their ids.
    ///
    /// - Throws: `QueryError`, `SearchError`.
    func matches(_ query: String, deadline: UInt64) throws -> [Int64] {
        try snapshot.matches(try Self.parse(query), deadline: deadline)
    }

    /// Finds tracks, and tells what they are.
    ///
    /// - Throws: `QueryError`, `SearchError`, `CacheError`.
    func report(_ request: SearchRequest, _ reader: LibraryReader, _ tree: TreeReader) throws -> SearchReport {
        let begin = monotonicNanoseconds()
        let deadline = Self.deadline
        let found = try find(request, deadline: deadline)
        var report = SearchReport(
            query: request.query, total: found.total, microseconds: 0, correctedTo: found.corrected,
            results: try Self.results(found, reader, tree))
        if request.explains {
            report.understood = found.query.explanation.line
            for index in report.results.indices.prefix(Self.explained) {
                let id = report.results[index].trackID
                report.results[index].parts = try snapshot.explain(found.query, id: id, deadline: deadline)?.parts
                    .map { SearchReport.Part($0) }
            }
        }
        report.microseconds = Int64((monotonicNanoseconds() - begin) / 1000)
        return report
    }

    /// What the library says of what was found.
    ///
    /// - Throws: `CacheError`.
    static func results(_ found: Found, _ reader: LibraryReader, _ tree: TreeReader) throws -> [SearchReport.Result] {
        let highlighter = Highlighter(found.query)
        let tracks = Dictionary(
            try reader.tracks(found.hits.lazy.map(\.id)).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var results: [SearchReport.Result] = []
        for hit in found.hits {
            // One that has gone since the index was written is in no place.
            guard let track = tracks[hit.id], let path = try tree.path(ofFile: track.node) else { continue }
            results.append(SearchReport.Result(track, path, hit, highlighter))
        }
        return results
    }
}

extension SearchResults.Total {
    var count: Int {
        switch self {
        case .exact(let count), .atLeast(let count): count
        }
    }
}
