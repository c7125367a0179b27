import MusicFSCache
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

@Suite struct TrackNamesTests {
    private func track(_ title: String?, _ artist: String?, path: FilePath = "/A/B/01 - T.flac") -> TrackPlace {
        TrackPlace(node: 2, title: title, artist: artist, duration: 61_500, modified: 1, path: path)
    }

    private func name(_ number: Int, of count: Int = 10, _ track: TrackPlace) -> String {
        String(decoding: TrackNames.name(number, of: count, track), as: UTF8.self)
    }

    @Test func namesAreNumberedAndSafe() {
        #expect(name(7, track("Time", "Pink Floyd")) == "007 Pink Floyd - Time.flac")
        #expect(name(7, of: 1000, track("Time", "Pink Floyd")) == "0007 Pink Floyd - Time.flac")
        #expect(name(1000, of: 1000, track("Time", "Pink Floyd")) == "1000 Pink Floyd - Time.flac")
        #expect(name(1, track(nil, "  ")) == "001 Unknown - Unknown.flac")
        #expect(name(1, track("../a\u{0}\nb", "AC/DC")) == "001 AC_DC - .._a__b.flac")
        #expect(name(1, track("T", "A", path: "/A/no extension")) == "001 A - T")
    }

    @Test func longNamesKeepTheirExtension() {
        for length in [200, 240, 241, 242, 500, 5000] {
            let name = TrackNames.name(1, of: 1, track(String(repeating: "ü", count: length), "A"))
            #expect(name.count <= 255 && name.count > 250 || length == 200)
            #expect(String(validating: name, as: UTF8.self)?.hasSuffix("ü.flac") == true)
        }
    }

    @Test func onlyWhatCanBeALinkHasANumber() {
        for (name, number) in [("001 x", 1), ("0999 x", 999), ("1000 x", 1000), ("123 ", 123)] {
            #expect(TrackNames.number(Array(name.utf8)) == number)
        }
        for name in ["", "1", "01 x", "00001 x", "001", "001x", "000 x", ".hidden", "cover.jpg", "-01 x", "0x1 a"] {
            #expect(TrackNames.number(Array(name.utf8)) == nil, "\(name)")
        }
    }

    @Test func whatCanBeNoListIsRefused() {
        for name in ["dark side", "*", "year:[1980 TO 1989]", "ねこ", String(repeating: "x", count: 255), "a.m3u8", " "] {
            #expect(TrackNames.listName(Array(name.utf8)) == name)
        }
        let bad: [[UInt8]] = [
            [], [0xff, 0xfe], [0xc3], Array("a\nb".utf8), Array("a\u{7f}".utf8), Array("\u{85}".utf8),
            Array("a/b".utf8), [UInt8](repeating: 0x78, count: 256),
        ]
        for name in bad { #expect(TrackNames.listName(name) == nil) }
        for name in [
            ".", "..", ".hidden", ".Trash", ".Trash-1000", ".directory", "desktop.ini", "Thumbs.db", "autorun.inf",
        ] {
            #expect(TrackNames.listName(Array(name.utf8)) == nil, "\(name)")
        }
    }

    @Test func playlistsAreNamedAfterTheirLists() {
        #expect(TrackNames.playlistName("a") == Array("a.m3u8".utf8))
        #expect(TrackNames.playlistName(String(repeating: "x", count: 251)) == nil)
        #expect(TrackNames.list(ofPlaylist: "a.m3u8") == "a")
        for name in [".m3u8", "a", "a.m3u", ""] { #expect(TrackNames.list(ofPlaylist: name) == nil) }
    }

    @Test func linksLeadFromWhereTheyAreToWhereTheTrackIs() {
        let path: FilePath = "/Artist/Album/01 - T.flac"
        #expect(LinkTarget.bytes(toTrack: path) == Array("../../Artist/Album/01 - T.flac".utf8))
        #expect(LinkTarget.length(toTrack: path) == LinkTarget.bytes(toTrack: path).count)
        #expect(LinkTarget.bytes(toHinted: path) == Array("../../../Artist/Album/01 - T.flac".utf8))
        #expect(LinkTarget.bytes(toHinted: "/x.flac") == Array("../x.flac".utf8))
    }

    @Test func playlistsAreExtendedM3U() throws {
        let playlist = Playlist(
            [track("Time", "Pink Floyd"), track(nil, "a\nb"), track("x", "y", path: "/a\nb.flac")], window: 1)
        let text = """
            #EXTM3U
            #EXTINF:62,Pink Floyd - Time
            ../A/B/01 - T.flac
            #EXTINF:62,a b - Unknown
            ../A/B/01 - T.flac

            """
        #expect(String(decoding: playlist.bytes, as: UTF8.self) == text)
        var buffer = [UInt8](repeating: 0, count: 7)
        let read = unsafe buffer.withUnsafeMutableBytes { unsafe playlist.readNow(into: $0, at: 1) }
        #expect(read == 7 && buffer == Array("EXTM3U\n".utf8))
        let end = unsafe buffer.withUnsafeMutableBytes { unsafe playlist.readNow(into: $0, at: Int64(text.utf8.count)) }
        #expect(end == 0)
        #expect(unsafe buffer.withUnsafeMutableBytes { unsafe playlist.readNow(into: $0, at: -1) } == nil)
    }
}

@Suite struct ListingTests {
    private func listing(_ tracks: [Int64]) -> Listing {
        Listing(
            window: 1,
            tracks.enumerated().map { index, track in
                let name = String(repeating: "0", count: 3 - String(index + 1).count) + "\(index + 1) A - \(track).mp3"
                return (Listing.Entry(kind: .link, track: track), Array(name.utf8))
            })
    }

    @Test func linksAreFoundByTheirNames() {
        let listing = listing([5, 9, 7])
        #expect(listing.link(named: Array("002 A - 9.mp3".utf8))?.track == 9)
        for name in ["002 A - 9", "001 A - 9.mp3", "004 A - 9.mp3", "999 x", "9", ""] {
            #expect(listing.link(named: Array(name.utf8)) == nil, "\(name)")
        }
        #expect((0..<3).map { String(decoding: listing.name($0), as: UTF8.self) }.last == "003 A - 7.mp3")
    }

    @Test func aListingGoesOnBehindTheSameTrackWhateverChanged() {
        let tracks = (1...900).map { Int64($0 * 77) << 10 }
        let before = listing(tracks)
        #expect(before.index(after: 0) == 0 && before.index(after: 2) == 0)
        for index in tracks.indices { #expect(before.index(after: before.cookie(index)) == index + 1) }
        let after = listing([4] + tracks.filter { $0 != tracks[10] })
        #expect(after.index(after: before.cookie(700)) == 701)
        #expect(after.index(after: before.cookie(5)) == 7)
        // The track itself is gone: at its place.
        #expect(after.index(after: before.cookie(10)) == 11)
        #expect(listing([]).index(after: before.cookie(10)) >= 0)
        for cookie in [Int64.max, 3, 0xffff, -1] { #expect(before.index(after: cookie) >= 0) }
    }
}
