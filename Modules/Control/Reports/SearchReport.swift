/// What a search found: the answer of `/v1/search` and of `musicfs search --json`.
package struct SearchReport: Codable, Hashable, Sendable {
    package struct Result: Codable, Hashable, Sendable {
        /// Below the root of the mount, beginning with "/".
        package var path: String
        /// Its bytes, where they are no UTF-8; left out else.
        package var pathBytes: [UInt8]?
        package var trackID: Int64
        package var score: Double
        @Nullable package var title: String?
        @Nullable package var artist: String?
        @Nullable package var album: String?
        @Nullable package var year: Int?
        /// What matched of the fields, by their names in the query language: the values with what matched between `«` and
        /// `»`. Fields in which nothing matched are left out.
        package var highlights: [String: [String]]
        /// What its score is made of; left out unless it was asked for.
        package var parts: [Part]?
        /// In the last line of a stream that could not go on: why.
        package var error: String?

        package init(error: String) {
            self.init(
                path: "", trackID: 0, score: 0, title: nil, artist: nil, album: nil, year: nil, highlights: [:])
            self.error = error
        }

        package init(
            path: String, trackID: Int64, score: Double, title: String?, artist: String?, album: String?, year: Int?,
            highlights: [String: [String]]
        ) {
            self.path = path
            self.trackID = trackID
            self.score = score
            self.title = title
            self.artist = artist
            self.album = album
            self.year = year
            self.highlights = highlights
        }

        private enum CodingKeys: String, CodingKey {
            case path, score, title, artist, album, year, highlights, parts, error
            case trackID = "track_id"
            case pathBytes = "path_bytes"
        }
    }

    /// What one word or phrase adds to a score.
    package struct Part: Codable, Hashable, Sendable {
        package struct Field: Codable, Hashable, Sendable {
            /// As in the query language.
            package var name: String
            /// How often the field has the word.
            package var count: Int
            /// How many words the field has.
            package var length: Int
            package var weight: Double

            package init(name: String, count: Int, length: Int, weight: Double) {
                self.name = name
                self.count = count
                self.length = length
                self.weight = weight
            }
        }

        /// word, accented, phrase or expansion.
        package var kind: String
        package var term: String
        /// How rare it is.
        package var rarity: Double
        package var score: Double
        package var fields: [Field]

        package init(kind: String, term: String, rarity: Double, score: Double, fields: [Field]) {
            self.kind = kind
            self.term = term
            self.rarity = rarity
            self.score = score
            self.fields = fields
        }
    }

    package var query: String
    /// How the query was understood; left out unless it was asked for.
    package var understood: String?
    /// How many tracks match.
    package var total: Int
    /// Microseconds that it took.
    package var microseconds: Int64
    /// What was searched for where nothing matched the query as it was written.
    @Nullable package var correctedTo: String?
    package var results: [Result]
    /// Left out but while the index is being built: further tracks may match.
    package var isIncomplete: Bool?

    package init(query: String, total: Int, microseconds: Int64, correctedTo: String?, results: [Result]) {
        self.query = query
        self.total = total
        self.microseconds = microseconds
        self.correctedTo = correctedTo
        self.results = results
    }

    private enum CodingKeys: String, CodingKey {
        case query, understood, total, results
        case microseconds = "time_us"
        case correctedTo = "corrected_to"
        case isIncomplete = "incomplete"
    }
}

/// How the search index does.
package struct SearchUse: Codable, Hashable, Sendable {
    /// Tracks that can be found.
    package var documents: Int64
    /// Changes of the library that cannot be found yet.
    package var pending: Int64
    /// opening, building, ready, degraded or unavailable.
    package var state: String

    package init(documents: Int64, pending: Int64, state: String) {
        self.documents = documents
        self.pending = pending
        self.state = state
    }
}

/// What `musicfs search stats` tells.
package struct SearchStatistics: Codable, Hashable, Sendable {
    package var documents: Int64
    package var pending: Int64
    package var state: String
    /// Why it is not ready.
    @Nullable package var message: String?
    package var segments: Int
    /// What its files take.
    package var bytes: Int64
    /// Searches since the server began.
    package var searches: Int64

    package init(_ use: SearchUse, message: String?, segments: Int, bytes: Int64, searches: Int64) {
        documents = use.documents
        pending = use.pending
        state = use.state
        self.message = message
        self.segments = segments
        self.bytes = bytes
        self.searches = searches
    }
}

/// The answer of `/v1/search/rebuild`.
package struct SearchRebuildReport: Codable, Hashable, Sendable {
    package var rebuilding: Bool

    package init(rebuilding: Bool) { self.rebuilding = rebuilding }
}
