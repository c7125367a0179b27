/// A collection: what `/v1/collections` and `musicfs collection list --json` tell of each.
package struct CollectionReport: Codable, Hashable, Sendable {
    package var name: String
    /// What it holds, as `musicfs collection add` takes it.
    package var query: String
    /// Whether it is always there.
    package var isBuiltIn: Bool
    /// When it was made; null of those that are always there.
    @Nullable package var created: Timestamp?
    @Nullable package var updated: Timestamp?
    /// Why it cannot be used.
    @Nullable package var problem: String?

    package init(
        name: String, query: String, isBuiltIn: Bool, created: Timestamp? = nil, updated: Timestamp? = nil,
        problem: String? = nil
    ) {
        self.name = name
        self.query = query
        self.isBuiltIn = isBuiltIn
        self.created = created
        self.updated = updated
        self.problem = problem
    }

    private enum CodingKeys: String, CodingKey {
        case name, query, created, updated, problem
        case isBuiltIn = "built_in"
    }
}

/// A track of a collection, in its order.
package struct CollectionTrack: Codable, Hashable, Sendable {
    package var trackID: Int64
    /// Below the root of the mount, beginning with "/".
    package var path: String
    /// Its bytes, where they are no UTF-8; left out else.
    package var pathBytes: [UInt8]?
    @Nullable package var title: String?
    @Nullable package var artist: String?
    @Nullable package var album: String?
    @Nullable package var year: Int64?
    @Nullable package var milliseconds: Int64?
    /// Why there are no more; then this is the last line, and of no track.
    package var error: String?

    /// A last line.
    package init(error: String) {
        self.init(trackID: 0, path: "", title: nil, artist: nil, album: nil, year: nil, milliseconds: nil)
        self.error = error
    }

    package init(
        trackID: Int64, path: String, title: String?, artist: String?, album: String?, year: Int64?,
        milliseconds: Int64?
    ) {
        self.trackID = trackID
        self.path = path
        self.title = title
        self.artist = artist
        self.album = album
        self.year = year
        self.milliseconds = milliseconds
    }

    private enum CodingKeys: String, CodingKey {
        case path, title, artist, album, year, error
        case trackID = "track_id"
        case pathBytes = "path_bytes"
        case milliseconds = "duration_ms"
    }
}
