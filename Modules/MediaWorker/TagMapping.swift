import MusicFSCore

/// Turns the keys of TagLib's property map into fields.
struct TagMapping {
    /// Bytes of UTF-8; a longer value is cut.
    static let valueLimit = 64 << 10

    /// Values of one field, and of all custom tags together; further ones are left out.
    static let countLimit = 1024

    private(set) var tags = Tags()
    /// Every value of each field, kept or not, with the key that it came from.
    private var seen: [TagField: [Tags.CustomEntry]] = [:]

    /// TagLib's own names (tpropertymap.h) and what encoders write beside them.
    private static let fields: [String: TagField] = [
        "TITLE": .title, "ARTIST": .artist, "ALBUM": .album, "ALBUMARTIST": .albumArtist,
        "ALBUM ARTIST": .albumArtist, "ALBUM_ARTIST": .albumArtist, "GENRE": .genre, "DATE": .date, "YEAR": .date,
        "TRACKTOTAL": .trackTotal, "TOTALTRACKS": .trackTotal, "DISCTOTAL": .discTotal, "TOTALDISCS": .discTotal,
        "COMPOSER": .composer, "COMMENT": .comment, "DESCRIPTION": .comment,
        "LYRICS": .lyrics, "UNSYNCEDLYRICS": .lyrics, "COPYRIGHT": .copyright, "COMPILATION": .compilation,
        "TITLESORT": .titleSort, "ARTISTSORT": .artistSort, "ALBUMSORT": .albumSort,
        "ALBUMARTISTSORT": .albumArtistSort,
        "MUSICBRAINZ_TRACKID": .musicBrainzRecordingID, "MUSICBRAINZ_ALBUMID": .musicBrainzAlbumID,
        "MUSICBRAINZ_ARTISTID": .musicBrainzArtistID, "MUSICBRAINZ_ALBUMARTISTID": .musicBrainzAlbumArtistID,
        "MUSICBRAINZ_RELEASEGROUPID": .musicBrainzReleaseGroupID,
        "REPLAYGAIN_TRACK_GAIN": .replayGainTrackGain, "REPLAYGAIN_TRACK_PEAK": .replayGainTrackPeak,
        "REPLAYGAIN_ALBUM_GAIN": .replayGainAlbumGain, "REPLAYGAIN_ALBUM_PEAK": .replayGainAlbumPeak,
        "ENCODER": .encoder, "ENCODING": .encoder, "ENCODEDBY": .encoder, "ENCODED-BY": .encoder,
        "LABEL": .label, "PUBLISHER": .label, "ORGANIZATION": .label,
        "RELEASETYPE": .albumType, "MUSICBRAINZ_ALBUMTYPE": .albumType, "MUSICBRAINZ ALBUM TYPE": .albumType,
        "ISRC": .isrc,
    ]

    /// Makes the tables, so that this does not happen in the sandbox under its limits.
    static func prepare() { _ = fields.count }

    mutating func add(_ key: String, _ value: String) {
        let value = Self.cut(value)
        switch key {
        case "TRACKNUMBER", "TRACK": addNumber(value, .track, .trackTotal, from: key)
        case "DISCNUMBER", "DISC": addNumber(value, .disc, .discTotal, from: key)
        default:
            if let field = Self.field(of: key) {
                add(value, field, from: key)
            } else if tags.custom.count < Self.countLimit {
                tags.custom.append(Tags.CustomEntry(Self.cut(key), value))
            }
        }
    }

    private static func field(of key: String) -> TagField? {
        if let field = fields[key] { return field }
        // A description behind the key: lyrics have one often, while a comment with one is some program's own data.
        return key.hasPrefix("LYRICS:") ? .lyrics : nil
    }

    /// Two keys of one field often say the same, and that is one value; equal values of one key are several.
    private mutating func add(_ value: String, _ field: TagField, from key: String) {
        if seen[field]?.count == Self.countLimit { return }
        let isRepeated = seen[field]?.contains { $0.key != key && $0.value == value } ?? false
        seen[field, default: []].append(Tags.CustomEntry(key, value))
        if !isRepeated { tags.entries.append(Tags.Entry(field, value)) }
    }

    /// `n/m` is a number and a total.
    private mutating func addNumber(_ value: String, _ number: TagField, _ total: TagField, from key: String) {
        let parts = value.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        if let first = parts.first, !first.isEmpty { add(String(Substring(first)), number, from: key) }
        if parts.count == 2, let second = parts.last, !second.isEmpty,
            second.elementsEqual([UInt8(ascii: "0")]) == false
        {
            add(String(Substring(second)), total, from: key)
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > valueLimit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: valueLimit)
        // Back to the start of the scalar that the limit falls into.
        while text.unicodeScalars.index(of: end) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}

extension String.UnicodeScalarView {
    /// `index` when a scalar begins there, else nil.
    fileprivate func index(of index: String.Index) -> String.Index? { index.samePosition(in: self) }
}
