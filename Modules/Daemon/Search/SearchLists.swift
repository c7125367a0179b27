import MusicFSFUSE
import MusicFSSearch

/// `/.search`: each query is a directory of what it finds.
struct SearchLists: TrackLists {
    static let name = ".search"
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
