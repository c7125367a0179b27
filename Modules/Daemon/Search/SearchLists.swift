import MusicFSFUSE
import MusicFSSearch
import MusicFSSystem

/// `/.search`: each query is a directory of what it finds.
struct SearchLists: TrackLists {
    static let name = ".search"
    /// A server that has just begun looks its index through first: who reads a list meanwhile waits for that, rather than
    /// getting an error because a server died.
    private static let patience: UInt64 = 4_500_000_000

    let search: SearchService

    var name: String { Self.name }
    var hasPlaylists: Bool { false }

    func names() -> [String] { search.recent.all.map(Self.name(of:)) }

    /// Any query may be entered; one that cannot be read finds nothing.
    func accepts(_ name: String) -> Bool {
        let query = Self.query(of: name)
        return query.count <= QueryParser.maximumCharacters && query.contains { !$0.isWhitespace }
    }

    func tracks(of name: String, limit: Int) throws -> [Int64]? {
        let request = SearchRequest(query: Self.query(of: name), limit: limit, countsAll: false)
        let end = monotonicNanoseconds() + Self.patience
        while search.indexer.snapshot.phase == .opening, monotonicNanoseconds() < end {
            _ = pollReadable([], milliseconds: 10)
        }
        do {
            return try search.find(request).hits.map(\.id)
        } catch is QueryError { return [] }
    }

    /// A name holds no slash: `AC%2FDC` is how one is written.
    private static func query(of name: String) -> String {
        name.replacing("%2F", with: "/").replacing("%2f", with: "/")
    }

    private static func name(of query: String) -> String { query.replacing("/", with: "%2F") }
}
