/// The text fields of a document.
package enum TextField: UInt8, CaseIterable, Hashable, Sendable {
    case title, artist, album
    case albumArtist
    case genre, composer

    /// The name in the query language.
    package var name: String {
        switch self {
        case .title: "title"
        case .artist: "artist"
        case .album: "album"
        case .albumArtist: "album_artist"
        case .genre: "genre"
        case .composer: "composer"
        }
    }

    package static let count = allCases.count
}

/// The fields with a number, all of them at least 0.
package enum NumericField: UInt8, CaseIterable, Hashable, Sendable {
    case year, track, disc
    /// Milliseconds.
    case duration
    /// Seconds since 1970.
    case added

    package var name: String {
        switch self {
        case .year: "year"
        case .track: "track"
        case .disc: "disc"
        case .duration: "duration"
        case .added: "added"
        }
    }

    package static let count = allCases.count
    /// The greatest value; what is larger is stored as this.
    package static let limit: Int64 = 1 << 50
}

/// The fields whose value matches as a whole.
package enum KeywordField: UInt8, CaseIterable, Hashable, Sendable {
    case origin, format

    package var name: String {
        switch self {
        case .origin: "origin"
        case .format: "format"
        }
    }
}

/// What of a track can be found.
package struct SearchDocument: Hashable, Sendable {
    package struct Text: Hashable, Sendable {
        package var field: TextField
        package var value: String

        package init(_ field: TextField, _ value: String) {
            self.field = field
            self.value = value
        }
    }

    /// The track's id. Of two documents with one id the later one counts. Results with equal scores are in its order.
    package var id: Int64
    /// In their order; a field may come several times, and phrases do not go from one value to the next.
    package var texts: [Text]
    package var year: Int64?
    package var track: Int64?
    package var disc: Int64?
    /// Milliseconds.
    package var duration: Int64?
    /// Seconds since 1970.
    package var added: Int64?
    /// The ids of the origins that have it.
    package var origins: [String]
    /// As a file's extension is: `flac`.
    package var format: String?

    package init(
        id: Int64, texts: [Text] = [], year: Int64? = nil, track: Int64? = nil, disc: Int64? = nil,
        duration: Int64? = nil, added: Int64? = nil, origins: [String] = [], format: String? = nil
    ) {
        self.id = id
        self.texts = texts
        self.year = year
        self.track = track
        self.disc = disc
        self.duration = duration
        self.added = added
        self.origins = origins
        self.format = format
    }

    /// The value of a numeric field, brought into its bounds.
    func number(_ field: NumericField) -> Int64? {
        let value =
            switch field {
            case .year: year
            case .track: track
            case .disc: disc
            case .duration: duration
            case .added: added
            }
        return value.map { min(max($0, 0), NumericField.limit) }
    }
}
