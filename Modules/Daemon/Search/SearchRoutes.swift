import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

/// What the daemon answers to those who search.
struct SearchRoutes: Sendable {
    private let search: SearchService

    init(_ server: Server) { search = server.search }

    private static let parameters: [Operation.Parameter] = [
        .init("query", "What to look for, in the query language; at most 256 characters.", isRequired: true),
        .init("limit", "How many results there may be, 100 by default; with the offset at most 10000.", .number),
        .init("offset", "How many of the best are left out.", .number),
        .init("typing", "The last word may go on.", .flag),
        .init("explain", "Tell how the query was understood, and what the scores are made of.", .flag),
    ]

    var all: [Route] {
        [
            Route(.get, "/v1/search", Operation("Search the tracks.", Self.parameters, .json(SearchReport.self))) {
                request throws(ControlError) in try .json(search.report(try Self.read(request)))
            },
            Route(
                .get, "/v1/search/stream",
                Operation(
                    "Search the tracks, one result after the other; best first.", Self.parameters,
                    .stream(SearchReport.Result.self))
            ) { request throws(ControlError) in try stream(try Self.read(request)) },
            Route(.get, "/v1/search/stats", Operation("How the index does.", .json(SearchStatistics.self))) {
                _ throws(ControlError) in try .json(search.statistics)
            },
            Route(
                .post, "/v1/search/rebuild",
                Operation("Build the index anew, in the background.", .json(SearchRebuildReport.self))
            ) { _ throws(ControlError) in
                guard search.indexer.snapshot.phase != .unavailable else {
                    throw ControlError(
                        .unavailable, "the cache directory cannot be used", remedy: "see 'musicfs doctor'")
                }
                search.indexer.rebuild()
                return try .json(SearchRebuildReport(rebuilding: true))
            },
        ]
    }

    private static func read(_ request: ControlRequest) throws(ControlError) -> SearchRequest {
        func number(_ name: String, _ standard: Int) throws(ControlError) -> Int {
            guard let text = request.text(name) else { return standard }
            guard let number = Int(text), (0...SearchOptions.maximumHits).contains(number) else {
                throw ControlError(
                    .badRequest, "\(name) is no number of results",
                    remedy: "write one from 0 to \(SearchOptions.maximumHits)")
            }
            return number
        }
        return SearchRequest(
            query: request.text("query") ?? "", limit: try number("limit", 100), offset: try number("offset", 0),
            isTyping: request.flag("typing"), explains: request.flag("explain"))
    }

    /// Works out what it sends in pages, of one state of the index, so that neither side holds all of it.
    private func stream(_ request: SearchRequest) throws(ControlError) -> ControlResponse {
        let session: TrackSearch
        do {
            session = try search.searching { session in
                _ = try TrackSearch.parse(request.query, isTyping: request.isTyping)
                return session
            }
        } catch { throw ControlError(search: error) }
        return .stream { [library = search.library] writer in
            guard let reader = try? library.makeReader(), let tree = try? library.makeTreeReader() else { return }
            var next = request
            let end = min(request.offset + request.limit, SearchOptions.maximumHits)
            while next.offset < end {
                next.limit = min(200, end - next.offset)
                guard let report = try? session.report(next, reader, tree) else { return }
                for result in report.results {
                    guard (try? writer.send(result)) == true else { return }
                }
                next.offset += next.limit
                if next.offset >= report.total { return }
            }
        }
    }
}
