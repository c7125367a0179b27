import MusicFSCache
import MusicFSControl
import MusicFSCore

/// What the daemon answers about collections.
struct CollectionRoutes: Sendable {
    private let collections: Collections
    /// Where what asks the disk waits: that of searches, which collections are made of. What tells the status waits elsewhere,
    /// however many of these take their time.
    private let lane: IOLane

    init(_ server: Server) {
        collections = server.collections
        lane = server.searches
    }

    private static let name = Operation.Parameter("name", "The collection's name.", isRequired: true)

    var all: [Route] {
        [
            Route(.get, "/v1/collections", Operation("The collections.", .json([CollectionReport].self))) {
                _ throws(ControlError) in try .json(answer { try collections.list() })
            },
            Route(
                .post, "/v1/collections",
                Operation(
                    "Add a collection.",
                    [
                        Self.name, .init("query", "What it holds.", isRequired: true),
                        .init("replace", "Let one of that name hold that.", .flag),
                    ], .json(CollectionReport.self))
            ) { request throws(ControlError) in
                let (name, query) = (try text(request, "name"), try text(request, "query"))
                let replaces = request.flag("replace")
                return try .json(answer { try collections.add(name, query: query, replaces: replaces) })
            },
            Route(
                .post, "/v1/collections/remove",
                Operation("Remove a collection.", [Self.name], .json(CollectionReport.self))
            ) { request throws(ControlError) in
                let name = try text(request, "name")
                return try .json(answer { try collections.remove(name) })
            },
            Route(
                .get, "/v1/collections/tracks",
                Operation(
                    "The tracks of a collection, in its order.",
                    [Self.name, .init("limit", "How many at most; all by default.", .number)],
                    .stream(CollectionTrack.self))
            ) { request throws(ControlError) in try tracks(request) },
        ]
    }

    /// Text from outside that means something: what is not UTF-8 is refused, not changed.
    private func text(_ request: ControlRequest, _ name: String) throws(ControlError) -> String {
        guard let bytes = request.bytes(name) else {
            throw ControlError(.badRequest, "no \(name) was given", remedy: "add ?\(name)=…")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ControlError(.badRequest, "the \(name) is not UTF-8")
        }
        return text
    }

    private func answer<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws(ControlError) -> R {
        try lane.answer("the library", body)
    }

    private func tracks(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        let name = try text(request, "name")
        var limit = Int.max
        if let text = request.text("limit") {
            guard let number = Int(text), number >= 0 else { throw ControlError(.badRequest, "limit is no number") }
            limit = number
        }
        let tracks = try answer { [limit] in try collections.tracks(of: name, limit: limit) }
        return .stream { writer in
            do {
                try collections.forEachPlace(of: tracks) { try writer.send($0) }
            } catch { _ = try? writer.send(CollectionTrack(error: "\(error)")) }
        }
    }
}
