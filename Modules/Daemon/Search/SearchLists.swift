import MusicFSCache
import MusicFSFUSE
import MusicFSSearch

/// `/.search`: each query is a directory of what it finds.
struct SearchLists: TrackLists {
    static let name = ".search"
    let search: SearchService
    /// What collections hold that are queries of the search language alone.
    let curation: Curation

    var name: String { Self.name }
    var hasPlaylists: Bool { false }

    /// The searches that were saved, as collections, and the recent ones.
    func names() -> [String] {
        let stored = (try? curation.collections()) ?? []
        let saved = stored.compactMap { CollectionDefinition.text(stored: $0.definition) }.filter {
            (try? TrackSearch.parse($0)) != nil
        }
        var known: Set<String> = []
        return (saved + search.recent.all).filter { known.insert($0).inserted }.map(Self.name(of:))
    }

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
