import MusicFSCache
import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

/// Lists of tracks that library.db gives.
@Suite struct ListTests {
    private let library: Library
    private let origin: Int64
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
        let (library, origins) = try makeLibrary(directory.path.appending("library.db"), origins: ["a"])
        self.library = library
        origin = try #require(origins["a"])
    }

    private func change(_ name: String, _ tags: [TagField: String]) -> LibraryChange {
        .audio(
            OriginFile(origin: origin, folder: [], name: Array(name.utf8)), FileStamp(size: 10, modified: 1, inode: 1),
            .report(MediaReport(tags: LibraryModel.tags(tags))))
    }

    private func add(_ name: String, _ tags: [TagField: String]) throws { try library.apply([change(name, tags)]) }

    private func titles(_ ids: [Int64]) throws -> [String] {
        try library.makeReader().places(of: ids).map { $0.place.title ?? "-" }
    }

    @Test func tracksAreListedByTheirTimeTheirYearAndTheirAlbum() throws {
        try add("1.flac", [.artist: "Zoe", .album: "B", .title: "z2", .track: "2", .date: "1985"])
        let time = wallClockNanoseconds()
        try add("2.flac", [.artist: "Zoe", .album: "B", .title: "z1", .track: "1", .date: "1979"])
        try add("3.flac", [.artist: "abba", .album: "A", .title: "a", .date: "2001"])
        try add("4.flac", [.artist: "Zoe", .album: "A", .title: "y", .date: "0005"])
        try add("5.flac", [.title: "none"])
        let reader = try library.makeReader()
        #expect(try reader.decades() == [1970, 1980, 2000])
        #expect(try reader.decades(in: 1980...1989) == [1980])
        #expect(try reader.decades(in: 1990...1999) == [])
        #expect(try titles(reader.tracks(of: 1979...1985)) == ["z2", "z1"])
        #expect(try titles(reader.allTracks()) == ["z2", "z1", "a", "y", "none"])
        #expect(try titles(reader.tracks(addedSince: time)) == ["none", "y", "a", "z1"])
        #expect(try titles(reader.tracks(addedSince: 0, limit: 2)) == ["none", "y"])
        #expect(try titles(reader.inAlbumOrder(reader.allTracks())) == ["none", "a", "y", "z1", "z2"])
        #expect(try reader.inAlbumOrder([77]) == [] && reader.places(of: [77]).isEmpty)
    }

    /// What came at once is in the order in which it came.
    @Test func whatWasAddedLastIsFirst() throws {
        for batch in 0..<3 {
            try library.apply((1...4).map { change("\(batch)\($0).flac", [.title: "\(batch)\($0)"]) })
        }
        let reader = try library.makeReader()
        let all = [2, 1, 0].flatMap { batch in (1...4).map { "\(batch)\($0)" } }
        for limit in 0...13 {
            #expect(try titles(reader.tracks(addedSince: 0, limit: limit)) == Array(all.prefix(limit)), "\(limit)")
        }
    }

    /// Of few tracks each is looked up, of many the order of time is gone through.
    @Test func whatWasAddedIsToldOfSomeTracks() throws {
        var times: [Int64] = []
        for batch in 0..<6 {
            times.append(wallClockNanoseconds())
            try library.apply((1...20).map { change("\(batch)-\($0).flac", [.title: "\(batch)-\($0)"]) })
        }
        let reader = try library.makeReader()
        let ids = try reader.allTracks()
        #expect(ids.count == 120)
        for time in [0] + times + [wallClockNanoseconds()] {
            let recent = try reader.tracks(addedSince: time)
            for step in [1, 2, 7, 50, 70, 119, 200] {
                // Some that are not there, too.
                let some = ids.indices.filter { $0 % step == step / 2 }.map { ids[$0] } + [5000, 6000].prefix(step % 3)
                #expect(
                    try reader.tracks(some, addedSince: time) == recent.filter(some.contains), "\(time), \(step)")
            }
            #expect(try reader.tracks([], addedSince: time).isEmpty)
        }
        #expect(throws: CacheError.self) { try reader.tracks([ids[0]], addedSince: 0, until: monotonicNanoseconds()) }
    }

    @Test func tracksAreWhereTheTreeShowsThem() throws {
        for number in 1...5 {
            try add("\(number).flac", [.artist: "X", .album: "Y\(number % 2)", .title: "T\(number)", .date: "1985"])
        }
        let reader = try library.makeReader()
        let places = try reader.places(of: reader.allTracks())
        let files = try LibraryModel.files(library)
        #expect(places.count == 5 && files.count == 5)
        let tree = try library.makeTreeReader()
        for (track, place) in places {
            #expect(files[place.path.description]?.track == track, "\(place.path)")
            #expect(place.year == 1985 && place.album?.hasPrefix("Y") == true)
            let other = try #require(try tree.place(ofTrack: track))
            #expect(other == (place.path, place.modified))
            #expect(try tree.path(ofFile: place.node) == place.path)
        }
    }

    @Test func aLibraryThatNobodyServesIsOnlyRead() throws {
        #expect(try LibraryFile.readers(directory.path.appending("none.db")) == nil)
        #expect((try? FileStatus.of(directory.path.appending("none.db"))) == nil)
        try add("1.flac", [.title: "x", .date: "1985"])
        #expect(try LibraryFile.readers(library.path)?.library.decades() == [1980])
        try Database.open(library.path, .readWrite).execute("PRAGMA user_version=99")
        #expect(throws: CacheError.self) { try LibraryFile.readers(library.path) }
    }
}
