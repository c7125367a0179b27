import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

/// What the daemon answers to those who search.
struct SearchRoutes: Sendable {
    private let search: SearchService
    /// Searches touch the index's files: a disk that hangs holds up these alone.
    private let lane: IOLane

    init(_ server: Server) {
        search = server.search
        lane = server.searches
    }

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
                request throws(ControlError) in
                let asked = try Self.read(request)
                return try .json(answer { [search] in try search.report(asked) })
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

    private func answer<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws(ControlError) -> R {
        try lane.answer("the search index", failure: ControlError.init(search:), body)
    }

    /// Finds everything at first, in one state of the index, and looks up what it is a page at a time.
    private func stream(_ request: SearchRequest) throws(ControlError) -> ControlResponse {
        let found = try answer { [search] in try search.find(request) }
        return .stream { [search] writer in
            do {
                let reader = try search.library.makeReader()
                let tree = try search.library.makeTreeReader()
                var rest = found.hits[...]
                while !rest.isEmpty {
                    var page = found
                    page.hits = Array(rest.prefix(200))
                    rest = rest.dropFirst(200)
                    for result in try TrackSearch.results(page, reader, tree) {
                        guard try writer.send(result) else { return }
                    }
                }
            } catch { _ = try? writer.send(SearchReport.Result(error: "\(error)")) }
        }
    }
}
