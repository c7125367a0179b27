import MusicFSCatalogue
import Testing

@Suite struct LibraryLayoutTests {
    @Test(arguments: LibraryLayout.Style.allCases) func pathsAreDistinctAndLegal(_ style: LibraryLayout.Style) {
        var layout = LibraryLayout(style)
        // Bytes: to the standard library "é" and "e" with an accent are equal strings, to a file system they are not.
        var seen = Set<[UInt8]>()
        for track in Catalogue(count: 30_000, seed: 7) {
            let place = layout.place(track)
            #expect(seen.insert(Array(place.path.utf8)).inserted, "\(place.path) was given twice")
            for component in place.path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
                // 15 bytes are left for " (2)" and the like of companions.
                #expect((1...240).contains(component.count))
                #expect(component.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
            }
            if let album = place.albumDirectory { #expect(place.directory.hasPrefix(album)) }
        }
    }

    @Test(arguments: LibraryLayout.Style.allCases) func pathsDependOnNothingButTheTracks(_ style: LibraryLayout.Style) {
        var first = LibraryLayout(style)
        var second = LibraryLayout(style)
        for track in Catalogue(count: 5000, seed: 8) { #expect(first.place(track) == second.place(track)) }
    }

    @Test func discsHaveDirectories() throws {
        var layout = LibraryLayout(.artistAlbum)
        let places = Catalogue(count: 60).map { (track: $0, place: layout.place($0)) }
        let second = try #require(places.first { $0.track.disc == 2 })
        #expect(second.place.directory == "\(try #require(second.place.albumDirectory))/CD2")
        #expect(second.place.stem.hasPrefix("01 "))
    }

    @Test(arguments: [
        ("a/b", "a_b"), ("", "_"), (".", "_"), ("..", "_"), ("...", "..."), ("a\0b\nc", "a_b_c"), ("Ünï", "Ünï"),
    ]) func componentsAreSafe(_ text: String, _ expected: String) {
        #expect(pathComponent(text) == expected)
    }

    @Test func componentsAreCutBetweenScalars() {
        #expect(pathComponent("龍龍龍", limit: 8) == "龍龍")
        #expect(pathComponent("龍龍龍", limit: 2) == "_")
    }
}
