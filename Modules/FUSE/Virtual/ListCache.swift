import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// What lists hold, for as long as it is right. Asks for it on lanes: everything that says so may wait.
final class ListCache: Sendable {
    /// How many tracks a directory shows at most.
    static let limit = 1000
    /// The kernel's longest target is a byte shorter.
    static let pathLimit = 4096
    private static let listingLimit = 64
    private static let playlistLimit = 8

    private struct State: Sendable {
        var listings: [ListTable.Place: (listing: Listing, used: UInt64)] = [:]
        var playlists: [ListTable.List: (playlist: Playlist, used: UInt64)] = [:]
        var running: Set<Work> = []
    }

    private enum Work: Hashable, Sendable {
        case listing(ListTable.Place)
        case playlist(ListTable.List)
    }

    private let directories: [any TrackLists]
    private let deadline: Duration
    private let queries: [Counter]
    private let makeReader: @Sendable () throws -> LibraryReader
    private let state = Condition(State())

    init(
        _ directories: [any TrackLists], deadline: Duration, metrics: MetricsRegistry,
        makeReader: @escaping @Sendable () throws -> LibraryReader
    ) {
        self.directories = directories
        self.deadline = deadline
        self.makeReader = makeReader
        queries = directories.map {
            metrics.counter(
                "musicfs_list_queries_total",
                help: "How often the tracks of a list in a virtual directory were asked for.",
                labels: ["directory": $0.name])
        }
    }

    // MARK: What is known

    /// - Parameter window: what it must be of, or later; nil for any.
    func known(_ place: ListTable.Place, window: Int64?) -> Listing? {
        state.withLock { state in
            guard let listing = state.listings[place]?.listing, listing.window >= window ?? .min else { return nil }
            state.listings[place]?.used = monotonicNanoseconds()
            return listing
        }
    }

    func known(playlistOf list: ListTable.List, window: Int64?) -> Playlist? {
        state.withLock { state in
            guard let playlist = state.playlists[list]?.playlist, playlist.window >= window ?? .min else { return nil }
            state.playlists[list]?.used = monotonicNanoseconds()
            return playlist
        }
    }

    // MARK: Asking

    /// What a directory of lists shows. May wait.
    func listing(ofDirectory place: Int, window: Int64) throws -> Listing {
        try once(.listing(.directory(place)), known: { known(.directory(place), window: window) }) {
            guard directories.indices.contains(place) else { throw SystemError("readdir", nil, .stale) }
            let directory = directories[place]
            var named: [(Listing.Entry, [UInt8])] = []
            for name in try directory.names().prefix(Listing.limit / 2) {
                guard let name = TrackNames.listName(Array(name.utf8)), directory.accepts(name) else { continue }
                named.append((Listing.Entry(kind: .list), Array(name.utf8)))
                if directory.hasPlaylists, let file = TrackNames.playlistName(name) {
                    named.append((Listing.Entry(kind: .playlist), file))
                }
            }
            let listing = Listing(window: window, named)
            keep(listing, .directory(place))
            return listing
        }
    }

    /// The links of a list. May wait.
    ///
    /// - Returns: nil when there is no such list.
    func listing(of list: ListTable.List, id: UInt64, window: Int64) throws -> Listing? {
        try once(.listing(.list(id)), known: { known(.list(id), window: window) }) {
            guard let tracks = try tracks(of: list, limit: Self.limit) else { return nil }
            let named = tracks.enumerated().map { index, found in
                let entry = Listing.Entry(
                    kind: .link, track: found.track, size: UInt64(LinkTarget.length(toTrack: found.place.path)),
                    modified: found.place.modified)
                return (entry, TrackNames.name(index + 1, of: tracks.count, found.place))
            }
            let listing = Listing(window: window, named)
            keep(listing, .list(id))
            return listing
        }
    }

    /// A list as a file. May wait.
    ///
    /// - Returns: nil when there is no such list.
    func playlist(of list: ListTable.List, window: Int64) throws -> Playlist? {
        try once(.playlist(list), known: { known(playlistOf: list, window: window) }) {
            guard let tracks = try tracks(of: list, limit: Playlist.limit) else { return nil }
            let playlist = Playlist(tracks.map(\.place), window: window)
            state.withLock { state in
                state.playlists[list] = (playlist, monotonicNanoseconds())
                if state.playlists.count > Self.playlistLimit,
                    let oldest = state.playlists.min(by: { $0.value.used < $1.value.used })
                {
                    state.playlists[oldest.key] = nil
                }
            }
            return playlist
        }
    }

    private func keep(_ listing: Listing, _ place: ListTable.Place) {
        state.withLock { state in
            state.listings[place] = (listing, monotonicNanoseconds())
            if state.listings.count > Self.listingLimit,
                let oldest = state.listings.min(by: { $0.value.used < $1.value.used })
            {
                state.listings[oldest.key] = nil
            }
        }
    }

    /// Those of a list that are in the tree. What the index has and the library no longer does is left out.
    private func tracks(of list: ListTable.List, limit: Int) throws -> [(track: Int64, place: TrackPlace)]? {
        guard directories.indices.contains(list.directory) else { return nil }
        queries[list.directory].increment()
        guard let ids = try directories[list.directory].tracks(of: list.name, limit: limit) else { return nil }
        return try makeReader().places(of: ids.prefix(limit)).filter {
            LinkTarget.length(toTrack: $0.place.path) < Self.pathLimit
        }
    }

    /// Has a thing asked for by one thread at a time; the others wait, and find it known where it is new enough for them.
    private func once<R>(_ work: Work, known: () -> R?, _ body: () throws -> R) throws -> R {
        if let known = known() { return known }
        let end = monotonicNanoseconds() + deadline.nanoseconds
        let isMine = state.wait(until: end) { $0.running.insert(work).inserted ? true : nil } ?? false
        guard isMine else { throw SystemError("wait for a query", nil, .timedOut) }
        defer {
            state.withLock { _ = $0.running.remove(work) }
            state.broadcast()
        }
        return try known() ?? body()
    }
}

/// What links say.
enum LinkTarget {
    private static let up = Array("../".utf8)

    /// From a list's directory, `/.search/QUERY/`.
    static func bytes(toTrack path: FilePath) -> [UInt8] { up + up + path.bytes.drop { $0 == UInt8(ascii: "/") } }
    static func length(toTrack path: FilePath) -> Int { 2 * up.count + path.bytes.count - 1 }

    /// From the place below `.prefetch` that is the same as in the tree.
    static func bytes(toHinted path: FilePath) -> [UInt8] {
        path.components.flatMap { _ in up } + path.bytes.drop { $0 == UInt8(ascii: "/") }
    }
}
