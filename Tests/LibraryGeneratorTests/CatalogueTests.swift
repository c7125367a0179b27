import MusicFSCatalogue
import MusicFSCore
import MusicFSSystem
import Testing

@Suite struct CatalogueTests {
    /// All that tells a track.
    private func line(_ track: GeneratedTrack) -> String {
        "\(track.index) \(track.album.id) \(track.disc) \(track.number) \(track.durationMilliseconds) \(track.format) "
            + track.tags.entries.map { "\($0.field)=\($0.value)" }.joined(separator: ";")
    }

    @Test func equalSeedsGiveEqualTracksAndOthersDoNot() {
        let first = Catalogue(count: 3000, seed: 5).map(line)
        #expect(first == Catalogue(count: 3000, seed: 5).map(line))
        #expect(first.count == 3000)
        let other = Catalogue(count: 3000, seed: 6).map(line)
        #expect(zip(first, other).filter { $0 == $1 }.isEmpty)
    }

    /// What was written down once, so that a change of the generator that moves every library is noticed.
    @Test func theCatalogueOfASeedNeverChanges() {
        let digest = Catalogue(count: 2000, seed: 1).map(line).joined().utf8
            .reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        #expect(String(digest, radix: 16) == "dfe3bd83b1864379")
    }

    @Test func aSmallCatalogueIsTheBeginningOfALargeOne() {
        let large = Catalogue(count: 5000, seed: 2).prefix(700).map(line)
        #expect(large == Catalogue(count: 700, seed: 2).map(line))
    }

    @Test func theFirstSixtyTracksShowEveryFeature() {
        for seed in 1...20 as ClosedRange<UInt64> {
            let tracks = Array(Catalogue(count: 60, seed: seed))
            let albums = tracks.map(\.album)
            #expect(Set(albums.map(\.format)) == Set(AudioFormat.allCases))
            #expect(Set(albums.map(\.script)) == Set(Script.allCases))
            #expect(albums.contains { $0.isCompilation })
            #expect(albums.contains { $0.isSecondRip })
            #expect(albums.contains { $0.missing == .all })
            #expect(tracks.contains { $0.isCopy })
            #expect(tracks.contains { $0.disc == 2 })
            let companions = albums.reduce(into: GeneratedAlbum.Companions()) { $0.formUnion($1.companions) }
            #expect(companions == [.cover, .discCovers, .scans, .cueSheet, .ripLog, .lyrics])
        }
    }

    @Test func onlyTheFormatsThatWereAskedForAreUsed() {
        let formats = Set(Catalogue(count: 5000, formats: [.opus, .wavPack]).map(\.format))
        #expect(formats == [.opus, .wavPack])
    }

    @Test func copiesAndSecondRipsHaveTheTagsOfTheFirst() throws {
        let tracks = Array(Catalogue(count: 20_000, seed: 9))
        var copies = 0
        for (before, track) in zip(tracks, tracks.dropFirst()) where track.isCopy {
            copies += 1
            #expect(before.tags == track.tags && before.seed == track.seed && before.album === track.album)
        }
        #expect(copies > 50)
        let albums = Dictionary(grouping: tracks) { $0.album.id }
        let rips = albums.values.filter { $0[0].album.isSecondRip && $0.last?.index != tracks.count - 1 }
        #expect(rips.count > 5)
        for rip in rips {
            let original = try #require(albums[rip[0].album.id - 1]).filter { !$0.isCopy }
            #expect(original.map(\.tags) == rip.map(\.tags))
            #expect(original[0].format != rip[0].format)
        }
    }

    @Test func missingTagsAreMissing() {
        let tracks = Array(Catalogue(count: 20_000, seed: 3))
        for track in tracks {
            #expect((track.tags.first(.title) == nil) == track.album.missing.contains(.title))
            #expect((track.tags.first(.track) == nil) == track.album.missing.contains(.numbers))
            #expect(track.tags.isCompilation == track.album.isCompilation)
        }
        let lacking = tracks.filter { !$0.album.missing.isDisjoint(with: [.title, .artist, .album]) }
        #expect((200...4000).contains(lacking.count))
    }

    @Test func aMillionTracksStreamInConstantMemory() throws {
        let catalogue = Catalogue(count: 1_000_000, seed: 4)
        var iterator = catalogue.makeIterator()
        for _ in 0..<1000 { _ = iterator.next() }
        let before = try anonymousBytes()
        var count = 1000
        var lastAlbum = 0
        while let track = iterator.next() {
            count += 1
            lastAlbum = track.album.id
        }
        #expect(count == 1_000_000)
        #expect((50_000...200_000).contains(lastAlbum))
        // One byte kept for each track would show; the rest is the slack of tests that run beside this one.
        #expect(try anonymousBytes() - before < 64 << 20)
    }

    /// RssAnon of proc(5).
    private func anonymousBytes() throws -> Int {
        let status = String(decoding: try readFile("/proc/self/status"), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        return try #require(Int(line.split(separator: " ").dropLast().last.map(String.init) ?? "")) << 10
    }
}
