import MusicFSCore
import Testing

@Suite struct PlaylistTextTests {
    private func entry(
        _ path: [UInt8], _ prefix: String = "", duration: Int64? = nil, artist: String? = nil, title: String? = nil
    ) -> String {
        String(
            decoding: PlaylistText.entry(
                path: path, prefix: Array(prefix.utf8), duration: duration, artist: artist, title: title),
            as: Unicode.UTF8.self)
    }

    @Test func pathsAreAsTheyAre() {
        let path = Array("/A/B/1 - x.flac".utf8)
        #expect(entry(path, duration: 61_500, artist: "Ä", title: "x\ny") == "#EXTINF:62,Ä - x y\nA/B/1 - x.flac\n")
        #expect(entry(path, "../") == "#EXTINF:-1,Unknown - Unknown\n../A/B/1 - x.flac\n")
        #expect(entry(path, "/mnt/music/", duration: -7) == "#EXTINF:0,Unknown - Unknown\n/mnt/music/A/B/1 - x.flac\n")
        #expect(
            PlaylistText.entry(path: [0x2f, 0x41, 0xff], prefix: [], duration: .max, artist: " ", title: "t")
                .suffix(3) == [0x41, 0xff, 0x0a])
    }

    @Test func whatTheFormatCannotTellIsLeftOut() {
        #expect(entry(Array("/a\nb".utf8), "../") == "" && entry(Array("/a\rb".utf8)) == "")
        #expect(entry(Array("/".utf8), "../") == "")
        #expect(entry(Array("/#1.mp3".utf8)).hasSuffix("\n./#1.mp3\n"))
        #expect(entry(Array("/#1.mp3".utf8), "../").hasSuffix("\n../#1.mp3\n"))
    }
}
