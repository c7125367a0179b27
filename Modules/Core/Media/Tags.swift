/// A tag that MusicFS knows by name. The raw value is the name in templates, JSON and the database.
package enum TagField: String, CaseIterable, Hashable, Sendable {
    case title, artist, album
    case albumArtist = "album_artist"
    case genre
    /// As written in the file: a year, or a date in ISO 8601 order.
    case date
    /// The number alone; `n/m` is split into `track` and `track_total` when it is read.
    case track
    case trackTotal = "track_total"
    case disc
    case discTotal = "disc_total"
    case composer, comment, lyrics, copyright
    /// "1" when the file belongs to a compilation.
    case compilation
    case titleSort = "title_sort"
    case artistSort = "artist_sort"
    case albumSort = "album_sort"
    case albumArtistSort = "album_artist_sort"
    case musicBrainzRecordingID = "musicbrainz_recording_id"
    case musicBrainzAlbumID = "musicbrainz_album_id"
    case musicBrainzArtistID = "musicbrainz_artist_id"
    case musicBrainzAlbumArtistID = "musicbrainz_album_artist_id"
    case musicBrainzReleaseGroupID = "musicbrainz_release_group_id"
    case replayGainTrackGain = "replaygain_track_gain"
    case replayGainTrackPeak = "replaygain_track_peak"
    case replayGainAlbumGain = "replaygain_album_gain"
    case replayGainAlbumPeak = "replaygain_album_peak"
    case encoder, label
    case albumType = "album_type"
    case isrc
}

/// The tags of one file as it states them: every value of every field, in the file's order.
package struct Tags: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var field: TagField
        package var value: String

        package init(_ field: TagField, _ value: String) {
            self.field = field
            self.value = value
        }
    }

    /// A tag that has no `TagField`, under the upper-case key that TagLib's property map gives it.
    package struct CustomEntry: Hashable, Sendable {
        package var key: String
        package var value: String

        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    package var entries: [Entry]
    package var custom: [CustomEntry]

    package init(entries: [Entry] = [], custom: [CustomEntry] = []) {
        self.entries = entries
        self.custom = custom
    }

    /// The first value of `field` that is not empty.
    package func first(_ field: TagField) -> String? {
        entries.first { $0.field == field && !$0.value.isEmpty }?.value
    }

    package func all(_ field: TagField) -> [String] {
        entries.lazy.filter { $0.field == field }.map(\.value)
    }

    /// The first value of `field` as a number of at most nine digits; nil when it is not one.
    package func number(_ field: TagField) -> Int? {
        guard let digits = first(field)?.utf8.prefix(while: { $0 >= 0x30 && $0 <= 0x39 }), !digits.isEmpty,
            digits.count <= 9
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// The first four characters of the date when they are digits.
    package var year: Int? {
        guard let date = first(.date)?.utf8.prefix(4), date.count == 4, date.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        let year = date.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return year == 0 ? nil : year
    }

    package var isCompilation: Bool {
        switch first(.compilation)?.lowercased() {
        case "1", "true", "yes": true
        default: false
        }
    }
}
