import CTagWriter
import MusicFSCatalogue
import MusicFSCore

/// A picture to embed as the front cover.
struct Cover: Sendable {
    var mimeType: String
    var bytes: [UInt8]
}

/// The bytes of `audio`, a whole file of that format, with tags and a cover written into it by TagLib.
///
/// - Parameter usesOldID3: whether an MP3 or WAV file gets ID3v2.3 instead of 2.4.
func taggedFile(
    _ audio: [UInt8], _ format: AudioFormat, _ tags: Tags, cover: Cover?, usesOldID3: Bool
) throws(GeneratorError) -> [UInt8] {
    guard let writer = unsafe ctagwriter_create(format.tagWriterFormat, audio, audio.count) else {
        throw GeneratorError(.tags, "memory is out")
    }
    defer { unsafe ctagwriter_destroy(writer) }
    for (key, value) in properties(tags, format) {
        let bytes = Array(value.utf8)
        unsafe bytes.withUnsafeBytes { unsafe ctagwriter_add_property(writer, key, $0.baseAddress, bytes.count) }
    }
    if let cover { unsafe ctagwriter_add_cover(writer, cover.mimeType, cover.bytes, cover.bytes.count) }
    if usesOldID3 { unsafe ctagwriter_use_id3v23(writer) }
    var data: UnsafePointer<UInt8>?
    var size = 0
    let status = unsafe ctagwriter_finish(writer, &data, &size)
    guard status == CTAGWRITER_OK, let data = unsafe data else {
        throw GeneratorError(
            .tags, "TagLib could not tag a file of the format \(format.rawValue), status \(status.rawValue)")
    }
    return unsafe Array(UnsafeBufferPointer(start: data, count: size))
}

/// The tags under the keys of TagLib's property map.
private func properties(_ tags: Tags, _ format: AudioFormat) -> [(key: String, value: String)] {
    var properties = tags.entries.compactMap { entry in
        propertyKeys[entry.field].map { (key: $0, value: entry.value) }
    }
    properties += tags.custom.map { (key: $0.key, value: $0.value) }
    for (number, total, key, totalKey) in [
        (TagField.track, TagField.trackTotal, "TRACKNUMBER", "TRACKTOTAL"),
        (TagField.disc, TagField.discTotal, "DISCNUMBER", "DISCTOTAL"),
    ] {
        guard let value = tags.first(number) else { continue }
        // Vorbis comments keep the total apart, the others write "3/12".
        guard let count = tags.first(total) else {
            properties.append((key, value))
            continue
        }
        switch format {
        case .flac, .ogg, .opus: properties += [(key, value), (totalKey, count)]
        case .mp3, .m4a, .wav, .aiff, .wavPack: properties.append((key, "\(value)/\(count)"))
        }
    }
    return properties
}

/// Those fields whose value stands alone.
private let propertyKeys: [TagField: String] = [
    .title: "TITLE", .artist: "ARTIST", .album: "ALBUM", .albumArtist: "ALBUMARTIST", .genre: "GENRE", .date: "DATE",
    .composer: "COMPOSER", .comment: "COMMENT", .lyrics: "LYRICS", .copyright: "COPYRIGHT",
    .compilation: "COMPILATION", .titleSort: "TITLESORT", .artistSort: "ARTISTSORT", .albumSort: "ALBUMSORT",
    .albumArtistSort: "ALBUMARTISTSORT", .musicBrainzRecordingID: "MUSICBRAINZ_TRACKID",
    .musicBrainzAlbumID: "MUSICBRAINZ_ALBUMID", .musicBrainzArtistID: "MUSICBRAINZ_ARTISTID",
    .musicBrainzAlbumArtistID: "MUSICBRAINZ_ALBUMARTISTID",
    .musicBrainzReleaseGroupID: "MUSICBRAINZ_RELEASEGROUPID", .replayGainTrackGain: "REPLAYGAIN_TRACK_GAIN",
    .replayGainTrackPeak: "REPLAYGAIN_TRACK_PEAK", .replayGainAlbumGain: "REPLAYGAIN_ALBUM_GAIN",
    .replayGainAlbumPeak: "REPLAYGAIN_ALBUM_PEAK", .encoder: "ENCODING", .label: "LABEL",
    .albumType: "RELEASETYPE", .isrc: "ISRC",
]

extension AudioFormat {
    fileprivate var tagWriterFormat: ctagwriter_format {
        switch self {
        case .flac: CTAGWRITER_FLAC
        case .mp3: CTAGWRITER_MP3
        case .ogg: CTAGWRITER_VORBIS
        case .opus: CTAGWRITER_OPUS
        case .m4a: CTAGWRITER_MP4
        case .wav: CTAGWRITER_WAV
        case .aiff: CTAGWRITER_AIFF
        case .wavPack: CTAGWRITER_WAVPACK
        }
    }
}
