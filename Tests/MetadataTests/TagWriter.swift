import Foundation
import MusicFSCore
import MusicFSSystem

/// Writes every field with mutagen, under the names that MusicBrainz Picard gives it in each container
/// (picard-docs.musicbrainz.org, "Appendix B: Tag Mapping").
enum TagWriter {
    /// What is written, and so expected: every field there is.
    static let values: [TagField: [String]] = [
        .title: [" Tïtle ♫ "], .artist: ["First, Artist", "Second/Artist"], .album: ["Album"],
        .albumArtist: ["Band", "Other Band"], .genre: ["Jazz", "Post-Rock"], .date: ["1999-05-17"], .track: ["3"],
        .trackTotal: ["12"], .disc: ["1"], .discTotal: ["2"], .composer: ["Composer A", "Composer B"],
        .comment: ["A comment"], .lyrics: ["Line one\nLine two"], .copyright: ["© Somebody"], .compilation: ["1"],
        .titleSort: ["Title, The"], .artistSort: ["Artist, First"], .albumSort: ["Album, The"],
        .albumArtistSort: ["Band, The"], .musicBrainzRecordingID: ["11111111-2222-4333-8444-555555555555"],
        .musicBrainzAlbumID: ["21111111-2222-4333-8444-555555555555"],
        .musicBrainzArtistID: ["31111111-2222-4333-8444-555555555555", "32222222-2222-4333-8444-555555555555"],
        .musicBrainzAlbumArtistID: ["41111111-2222-4333-8444-555555555555"],
        .musicBrainzReleaseGroupID: ["51111111-2222-4333-8444-555555555555"],
        .replayGainTrackGain: ["-6.50 dB"], .replayGainTrackPeak: ["0.988123"], .replayGainAlbumGain: ["-7.25 dB"],
        .replayGainAlbumPeak: ["0.999001"], .encoder: ["Encoder 1.0"], .label: ["Label Records"],
        .albumType: ["album"], .isrc: ["USABC9912345"],
    ]

    /// A tag that is no field.
    static let custom = (key: "MOOD2", values: ["Calm", "Wide"])

    static func write(to path: FilePath, values: [TagField: [String]] = values) throws {
        var fields: [String: [String]] = [:]
        for (field, list) in values { fields[field.rawValue] = list }
        fields["custom"] = custom.values
        let json = String(decoding: try JSONEncoder().encode(fields), as: UTF8.self)
        try Samples.mutagen(program, path, json)
    }

    private static let program = """
        import json, mutagen
        from mutagen import id3, mp4, apev2, asf
        v = json.loads(sys.argv[2])
        file = mutagen.File(path)
        if file.tags is None: file.add_tags()
        one = lambda key: v[key][0]
        pair = lambda number, total: one(number) + "/" + one(total)
        brainz = {"musicbrainz_album_id": "Album Id", "musicbrainz_artist_id": "Artist Id",
            "musicbrainz_album_artist_id": "Album Artist Id", "musicbrainz_release_group_id": "Release Group Id",
            "album_type": "Album Type"}
        gains = [key for key in v if key.startswith("replaygain_")]

        def write_id3(tags):
            tags.clear()
            frames = {"TIT2": "title", "TPE1": "artist", "TALB": "album", "TPE2": "album_artist", "TCON": "genre",
                "TDRC": "date", "TCOM": "composer", "TCOP": "copyright", "TCMP": "compilation", "TSOT": "title_sort",
                "TSOP": "artist_sort", "TSOA": "album_sort", "TSO2": "album_artist_sort", "TENC": "encoder",
                "TPUB": "label", "TSRC": "isrc"}
            for name, key in frames.items(): tags.add(getattr(id3, name)(encoding=3, text=v[key]))
            tags.add(id3.TRCK(encoding=3, text=[pair("track", "track_total")]))
            tags.add(id3.TPOS(encoding=3, text=[pair("disc", "disc_total")]))
            tags.add(id3.COMM(encoding=3, lang="eng", desc="", text=v["comment"]))
            tags.add(id3.USLT(encoding=3, lang="eng", desc="", text=one("lyrics")))
            tags.add(id3.UFID(owner="http://musicbrainz.org", data=one("musicbrainz_recording_id").encode()))
            for key, name in brainz.items(): tags.add(id3.TXXX(encoding=3, desc="MusicBrainz " + name, text=v[key]))
            for key in gains: tags.add(id3.TXXX(encoding=3, desc=key.upper(), text=v[key]))
            tags.add(id3.TXXX(encoding=3, desc="MOOD2", text=v["custom"]))

        def write_mp4(tags):
            tags.clear()
            atoms = {"\\xa9nam": "title", "\\xa9ART": "artist", "\\xa9alb": "album", "aART": "album_artist",
                "\\xa9gen": "genre", "\\xa9day": "date", "\\xa9wrt": "composer", "\\xa9cmt": "comment",
                "\\xa9lyr": "lyrics", "cprt": "copyright", "sonm": "title_sort", "soar": "artist_sort",
                "soal": "album_sort", "soaa": "album_artist_sort", "\\xa9too": "encoder"}
            for name, key in atoms.items(): tags[name] = v[key]
            tags["trkn"] = [(int(one("track")), int(one("track_total")))]
            tags["disk"] = [(int(one("disc")), int(one("disc_total")))]
            tags["cpil"] = one("compilation") == "1"
            free = {"MusicBrainz " + name: key for key, name in brainz.items()}
            free |= {"MusicBrainz Track Id": "musicbrainz_recording_id", "LABEL": "label", "ISRC": "isrc",
                "MOOD2": "custom"}
            free |= {key.upper(): key for key in gains}
            for name, key in free.items():
                tags["----:com.apple.iTunes:" + name] = [mp4.MP4FreeForm(text.encode()) for text in v[key]]

        def write_asf(tags):
            tags.clear()
            names = {"Title": "title", "Author": "artist", "WM/AlbumTitle": "album", "WM/AlbumArtist": "album_artist",
                "WM/Genre": "genre", "WM/Year": "date", "WM/Composer": "composer", "Description": "comment",
                "WM/Lyrics": "lyrics", "Copyright": "copyright", "WM/IsCompilation": "compilation",
                "WM/TitleSortOrder": "title_sort", "WM/ArtistSortOrder": "artist_sort",
                "WM/AlbumSortOrder": "album_sort", "WM/AlbumArtistSortOrder": "album_artist_sort",
                "WM/EncodedBy": "encoder", "WM/Publisher": "label", "WM/ISRC": "isrc",
                "MusicBrainz/Track Id": "musicbrainz_recording_id", "MOOD2": "custom"}
            names |= {"MusicBrainz/" + name: key for key, name in brainz.items()}
            for name, key in names.items(): tags[name] = [asf.ASFUnicodeAttribute(text) for text in v[key]]
            for key in gains: tags[key.upper()] = v[key]
            tags["WM/TrackNumber"] = [pair("track", "track_total")]
            tags["WM/PartOfSet"] = [pair("disc", "disc_total")]

        def write_named(tags, ape):
            tags.clear()
            names = {"album_artist": "ALBUMARTIST", "title_sort": "TITLESORT", "artist_sort": "ARTISTSORT",
                "album_sort": "ALBUMSORT", "album_artist_sort": "ALBUMARTISTSORT",
                "musicbrainz_recording_id": "MUSICBRAINZ_TRACKID", "musicbrainz_album_id": "MUSICBRAINZ_ALBUMID",
                "musicbrainz_artist_id": "MUSICBRAINZ_ARTISTID",
                "musicbrainz_album_artist_id": "MUSICBRAINZ_ALBUMARTISTID",
                "musicbrainz_release_group_id": "MUSICBRAINZ_RELEASEGROUPID", "encoder": "ENCODEDBY",
                "album_type": "RELEASETYPE", "track": "TRACKNUMBER", "track_total": "TRACKTOTAL",
                "disc": "DISCNUMBER", "disc_total": "DISCTOTAL", "custom": "MOOD2"}
            if ape: names |= {"album_artist": "Album Artist", "date": "Year", "album_type": "MUSICBRAINZ_ALBUMTYPE"}
            for key in v:
                if ape and key.startswith(("track", "disc")): continue
                tags[names.get(key, key.upper())] = v[key]
            if ape:
                tags["Track"] = pair("track", "track_total")
                tags["Disc"] = pair("disc", "disc_total")

        if isinstance(file.tags, id3.ID3): write_id3(file.tags)
        elif isinstance(file.tags, mp4.MP4Tags): write_mp4(file.tags)
        elif isinstance(file.tags, asf.ASFTags): write_asf(file.tags)
        else: write_named(file.tags, isinstance(file.tags, apev2.APEv2))
        file.save()
        """
}
