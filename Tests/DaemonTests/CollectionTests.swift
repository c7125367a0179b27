import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSDaemon

/// Searches an index that holds what the library holds.
private struct IndexFinder: TrackFinder {
    let snapshot: SearchSnapshot
    let calls = Calls()

    let preparations = Calls()

    final class Calls: Sendable {
        let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
    }

    func prepare() { preparations.count.withLock { $0 += 1 } }

    func tracks(matching query: String, until deadline: UInt64) throws -> [Int64] {
        calls.count.withLock { $0 += 1 }
        return try TrackSearch(snapshot: snapshot).matches(query, deadline: deadline)
    }
}

/// What was played, as a test says.
private struct ScriptedHistory: PlayHistory {
    var plays: [(track: Int64, time: Int64)]
    let readings = IndexFinder.Calls()

    func played(since time: Int64) throws -> [(track: Int64, time: Int64)] {
        readings.count.withLock { $0 += 1 }
        var seen: Set<Int64> = []
        return plays.sorted { $0.time > $1.time }.filter { $0.time >= time && seen.insert($0.track).inserted }
    }

    func mostPlayed(limit: Int) throws -> [(track: Int64, count: Int)] {
        let counts = Dictionary(grouping: plays, by: \.track).map { (track: $0.key, count: $0.value.count) }
        return Array(counts.sorted { ($1.count, $0.track) < ($0.count, $1.track) }.prefix(limit))
    }
}

@Suite struct CollectionTests {
    private static let day: Int64 = 86_400_000_000_000

    /// Twelve tracks: jazz of the 1960s, rock of the 1970s, by one artist each; played: 1 once just now, 2 three times a
    /// week and more ago, 7 twice yesterday.
    private final class Fixture {
        let directory: TestDirectory
        let library: Library
        let curation: Curation
        let collections: Collections
        let finder: IndexFinder
        let history: ScriptedHistory
        var searches: IndexFinder.Calls { finder.calls }
        let changes = IndexFinder.Calls()

        init(plays: [(track: Int64, time: Int64)]? = nil) throws {
            directory = try TestDirectory()
            let library = try Library.open(
                directory.path.appending("library.db"),
                Library.Options(
                    template: .standard, showsCompanions: true, nextEpoch: { 1 }, onCommit: { _, _ in }))
            self.library = library
            let origin = try #require(
                try library.setOrigins([OriginSetting(name: "a", type: "local", root: "/x", priority: 1)])["a"])
            let index = try SearchIndex.open(directory.path.appending("search"))
            for number in 1...12 {
                let isJazz = number <= 6
                let tags = Tags(entries: [
                    Tags.Entry(.title, "t\(number)"), Tags.Entry(.artist, isJazz ? "Miles" : "Bowie"),
                    // Albums in another order than that of the ids.
                    Tags.Entry(.album, "Album \(number % 3)"), Tags.Entry(.genre, isJazz ? "Jazz" : "Rock"),
                    Tags.Entry(.date, isJazz ? "1965" : "1972"), Tags.Entry(.track, "\(20 - number)"),
                ])
                try library.apply([
                    .audio(
                        OriginFile(origin: origin, folder: [], name: Array("\(number).flac".utf8)),
                        FileStamp(size: 10, modified: 1, inode: 1), .report(MediaReport(tags: tags)))
                ])
                try index.add([
                    SearchDocument(
                        id: Int64(number),
                        texts: [
                            SearchDocument.Text(.title, "t\(number)"),
                            SearchDocument.Text(.genre, isJazz ? "Jazz" : "Rock"),
                        ], added: wallClockNanoseconds() / 1_000_000_000)
                ])
            }
            try index.commit(sequence: 1)
            let now = wallClockNanoseconds()
            let standard = [(1, 0), (2, 8), (2, 9), (2, 10), (7, 1), (7, 1)].map { (Int64($0.0), now - $0.1 * day) }
            curation = Curation(directory.path, log: .disabled)
            finder = IndexFinder(snapshot: index.snapshot)
            history = ScriptedHistory(plays: plays ?? standard)
            collections = Collections(
                curation: curation, finder: finder, history: history,
                onChange: { [changes] in changes.count.withLock { $0 += 1 } }
            ) { () throws(CacheError) in try library.makeReader() }
        }

        /// The same with other limits.
        func limited(_ limits: CollectionEvaluator.Limits) -> Collections {
            let library = library
            return Collections(curation: curation, finder: finder, history: history, limits: limits) {
                () throws(CacheError) in try library.makeReader()
            }
        }

        func tracks(_ query: String, limit: Int = .max) throws -> [Int64] {
            _ = try collections.add("c", query: query, replaces: true)
            return try collections.tracks(of: "c", limit: limit)
        }
    }

    @Test func collectionsHoldWhatTheyAskForInTheirOrder() throws {
        let fixture = try Fixture()
        let expected: [(String, [Int64])] = [
            // By artist, album and number.
            ("genre:jazz", [6, 3, 4, 1, 5, 2]), ("genre:jazz OR t7", [7, 6, 3, 4, 1, 5, 2]),
            ("added:<30d", Array((1...12).reversed())), ("jazz added:<1d", [6, 5, 4, 3, 2, 1]),
            ("added:<1d jazz", [6, 5, 4, 3, 2, 1]),
            ("played:<7d", [1, 7]), ("played:<1y", [1, 7, 2]), ("played:<1y rock", [7]),
            ("played:top100", [2, 7, 1]), ("played:top2", [2, 7]), ("jazz played:top100", [2, 1]),
            // The first order counts.
            ("added:<1d played:<1y", [7, 2, 1]), ("played:<1y added:<1d", [1, 7, 2]),
            ("jazz played:never", [6, 3, 4, 5]), ("jazz -played:<7d", [6, 3, 4, 5, 2]),
            ("-played:<1y rock", [12, 9, 10, 11, 8]),
            ("played:<7d OR played:top1", [1, 7, 2]), ("t3 OR played:<7d", [3, 1, 7]),
            ("jazz (played:never OR t1)", [6, 3, 4, 1, 5]), ("rock -(played:never)", [7]),
            ("nothing", []), ("nothing played:<7d", []), ("-(nothing OR played:never)", [7, 1, 2]),
        ]
        for (query, tracks) in expected { #expect(try fixture.tracks(query) == tracks, "\(query)") }
        #expect(try fixture.tracks("genre:jazz", limit: 2) == [6, 3])
        #expect(try fixture.tracks("added:<30d", limit: 2) == [12, 11])
    }

    /// A random query over everything that there is, with the tracks that it asks for.
    private func randomQuery(_ random: inout SeededGenerator, depth: Int) -> (text: String, tracks: Set<Int64>) {
        let all = Set(Int64(1)...12)
        let terms: [(String, Set<Int64>)] = [
            ("genre:jazz", Set(1...6)), ("rock", Set(7...12)), ("t4", [4]), ("nothing", []), ("added:<2d", all),
            ("played:<7d", [1, 7]), ("played:<1y", [1, 2, 7]), ("played:never", all.subtracting([1, 2, 7])),
            ("played:top1", [2]),
        ]
        switch depth == 0 ? 0 : Int.random(in: 0...4, using: &random) {
        case 0: return terms.randomElement(using: &random) ?? terms[0]
        case 1:
            let (text, tracks) = randomQuery(&random, depth: depth - 1)
            return ("\(Bool.random(using: &random) ? "NOT " : "-")(\(text))", all.subtracting(tracks))
        case let kind:
            let (left, right) = (randomQuery(&random, depth: depth - 1), randomQuery(&random, depth: depth - 1))
            if kind == 2 { return ("(\(left.text) OR \(right.text))", left.tracks.union(right.tracks)) }
            let word = Bool.random(using: &random) ? " AND " : " "
            return ("(\(left.text))\(word)(\(right.text))", left.tracks.intersection(right.tracks))
        }
    }

    @Test func whateverIsAskedForIsFoundOnceEach() throws {
        let fixture = try Fixture()
        var random = SeededGenerator(seed: 11)
        var checked = 0
        for _ in 0..<300 {
            let (text, expected) = randomQuery(&random, depth: 4)
            guard text.count <= CollectionQueryParser.maximumCharacters, let found = try? fixture.tracks(text) else {
                // A part that is a search may be too long for one.
                continue
            }
            #expect(Set(found) == expected && found.count == expected.count, "\(text)")
            checked += 1
        }
        #expect(checked > 250)
    }

    @Test func oneThatTakesTooLongEnds() throws {
        let fixture = try Fixture()
        var limits = CollectionEvaluator.Limits.standard
        limits.time = 0
        let collections = fixture.limited(limits)
        let queries = [
            "added:<30d", "played:<7d", "played:top3", "played:never", "jazz", "jazz played:<1y", "-played:<1y",
            "jazz OR played:<1d",
        ]
        for query in queries { _ = try collections.add(query, query: query, replaces: false) }
        for name in queries + ["1960s", "Recently Added", "Most Played"] {
            let error = #expect(throws: ControlError.self, "\(name)") { try collections.tracks(of: name, limit: 9) }
            #expect(error?.code == .timeout && error?.remedy != nil, "\(name): \(error?.description ?? "")")
            #expect(error?.message == "the collection takes too long to work out", "\(name)")
        }
        // What the reader gives up.
        let reader = try fixture.library.makeReader()
        #expect(throws: CacheError.self) { try reader.allTracks(until: monotonicNanoseconds()) }
        #expect(throws: CacheError.self) { try reader.tracks(of: 1960...1969, until: monotonicNanoseconds()) }
        #expect(throws: CacheError.self) { try reader.tracks(addedSince: 0, until: monotonicNanoseconds()) }
        #expect(try reader.allTracks(until: monotonicNanoseconds() + 60_000_000_000).count == 12)
    }

    /// As many as a text has room for: the history is read once, and not at all where nothing asks for it.
    @Test func manyTermsOfTheHistoryReadItOnce() throws {
        let fixture = try Fixture()
        let ages = (1...60).map { "-played:<\($0)d" }
        let text = ages.joined(separator: " OR ")
        #expect(text.count <= CollectionQueryParser.maximumCharacters)
        #expect(try Set(fixture.tracks(text)) == Set(2...12))
        #expect(fixture.history.readings.value == 1)
        #expect(try fixture.tracks("played:<2d OR played:<9d OR (jazz played:<10d)") == [1, 7, 2])
        #expect(fixture.history.readings.value == 2)
        #expect(try fixture.tracks("played:<9d -played:<2d") == [2])
        #expect(fixture.finder.preparations.value == 1)
        _ = try fixture.tracks("jazz added:<1d")
        #expect(fixture.history.readings.value == 3)
        #expect(fixture.finder.preparations.value == 2)
    }

    @Test func oneThatTakesTooMuchMemoryEnds() throws {
        let fixture = try Fixture()
        var limits = CollectionEvaluator.Limits.standard
        limits.heldTracks = 30
        let collections = fixture.limited(limits)
        func nested(_ depth: Int) -> String {
            depth == 0 ? "played:never" : "(-played:<1d OR (played:never \(nested(depth - 1))))"
        }
        // Each of them keeps some while what is inside of it is worked out.
        _ = try collections.add("some", query: nested(1), replaces: false)
        #expect(try Set(collections.tracks(of: "some", limit: 99)) == Set(2...12))
        _ = try collections.add("many", query: nested(4), replaces: false)
        let error = #expect(throws: ControlError.self) { try collections.tracks(of: "many", limit: 99) }
        #expect(error?.code == .tooLarge && error?.remedy != nil)
        #expect(try Set(fixture.collections.tracks(of: "many", limit: 99)) == Set(2...12))
        // Beside one another they cost no more than one.
        let terms = (1...40).map { "-played:<\($0)h" }.joined(separator: " OR ")
        _ = try collections.add("wide", query: terms, replaces: false)
        #expect(try collections.tracks(of: "wide", limit: 99).count > 10)
    }

    /// Who shows them without a daemon makes no history, and leaves a damaged one where it is.
    @Test func readingWithoutADaemonWritesNoHistory() throws {
        let fixture = try Fixture()
        let directory = fixture.directory.path
        let path = directory.appending(History.fileName)
        func tracks(_ name: String) throws -> [Int64] {
            let logs = LogSystem(handlers: [], filter: LogFilter(.error))
            let collections = try StandaloneCollections(
                cacheDirectory: directory, stateDirectory: directory, logs: logs)
            var tracks: [Int64] = []
            try collections.forEachTrack(of: name, limit: .max) {
                tracks.append($0.trackID)
                return true
            }
            return tracks
        }
        #expect(try tracks("Recently Played") == [])
        #expect(try tracks("Most Played") == [])
        #expect(throws: SystemError.self) { try FileStatus.of(path) }

        let history = History(directory, keep: .seconds(86_400), isNewMount: true, log: .disabled)
        let now = wallClockNanoseconds()
        for (index, number) in [5, 3, 5].enumerated() {
            let file = OriginPath(origin: "a", path: Array("\(number).flac".utf8))
            let time = now - 1_000_000_000 + Int64(index)
            history.note([
                .opened(
                    History.Opening(
                        handle: UInt64(index), file: file, time: time, since: UInt64(index) + 10, needed: 0)),
                .released(handle: UInt64(index), at: UInt64(index) + 20),
            ])
        }
        history.close()
        let whole = try readFile(path)
        #expect(try tracks("Recently Played") == [5, 3])
        #expect(try tracks("Most Played") == [5, 3])
        #expect(try readFile(path) == whole)

        let damaged = [UInt8](repeating: 0x55, count: 9000)
        try writeFileAtomically(path, damaged)
        #expect(throws: CacheError.self) { try tracks("Recently Played") }
        #expect(throws: CacheError.self) { try tracks("Most Played") }
        #expect(try tracks("Recently Added").count == 12)
        #expect(try readFile(path) == damaged)
        let open = try open(directory, [.read, .directory])
        let names = try listDirectory(open.raw, path: directory).map { String(decoding: $0.name, as: UTF8.self) }
        #expect(!names.contains { $0.contains(".bad-") }, "\(names)")
    }

    @Test func pathsThatAreNoTextAreToldAsBytes() throws {
        func track(_ path: [UInt8]) throws -> CollectionTrack {
            let path = try #require(FilePath(bytes: path))
            return CollectionTrack(
                7, TrackPlace(node: 9, title: "t", artist: nil, duration: nil, modified: 0, path: path))
        }
        let odd = Array("/caf".utf8) + [0xe9, 0x2f, 0xff]
        #expect(try track(odd).pathBytes == odd)
        let text = String(decoding: try JSON.encode(track(odd)), as: UTF8.self)
        #expect(text.contains("\"path_bytes\":[47,99,97,102,233,47,255]"), "\(text)")
        #expect(try JSON.decode(CollectionTrack.self, from: Array(text.utf8)) == track(odd))
        #expect(try track(Array("/café".utf8)).pathBytes == nil)
        #expect(try !String(decoding: JSON.encode(track([0x2f, 0x61])), as: UTF8.self).contains("path_bytes"))
    }

    @Test func someAreAlwaysThere() throws {
        let fixture = try Fixture()
        let collections = fixture.collections
        let names = ["Recently Added", "Recently Played", "Most Played", "1960s", "1970s"]
        #expect(try collections.list().map(\.name) == names)
        #expect(try collections.list().allSatisfy { $0.isBuiltIn && $0.problem == nil })
        #expect(try collections.tracks(of: "Recently Added", limit: 3) == [12, 11, 10])
        #expect(try collections.tracks(of: "Recently Played", limit: 9) == [1, 7])
        #expect(try collections.tracks(of: "Most Played", limit: 9) == [2, 7, 1])
        #expect(try collections.tracks(of: "1960s", limit: 99) == [6, 3, 4, 1, 5, 2])
        // What is shown of them means the same.
        for report in try collections.list() {
            #expect(
                try report.query.hasPrefix("year:")
                    || fixture.tracks(report.query) == collections.tracks(of: report.name, limit: 99), "\(report.name)")
        }
        for name in names + ["1990s"] {
            for isAdded in [true, false] {
                let error = #expect(throws: ControlError.self) {
                    isAdded
                        ? try collections.add(name, query: "x", replaces: true) : try collections.remove(name)
                }
                #expect(error?.code == .conflict && error?.message.contains("always there") == true, "\(name)")
            }
        }
        let error = #expect(throws: ControlError.self) { try collections.tracks(of: "1990s", limit: 9) }
        #expect(error?.code == .notFound)
    }

    @Test func namesAreKnownWithoutAskingAnybody() throws {
        let fixture = try Fixture()
        let collections = fixture.collections
        #expect(collections.accepts("Most Played") && !collections.accepts("1960s") && !collections.accepts("x"))
        try collections.refresh(lastChange: fixture.library.lastChange)
        #expect(collections.accepts("1960s") && collections.accepts("1970s") && !collections.accepts("1980s"))
        _ = try collections.add("x", query: "jazz", replaces: false)
        #expect(collections.accepts("x"))
        // By another program.
        let other = Curation(fixture.directory.path, log: .disabled)
        _ = try other.setCollection("y", definition: "{\"query\":\"a\",\"version\":1}", replaces: false)
        #expect(!collections.accepts("y"))
        fixture.curation.followFile()
        try collections.refresh(lastChange: fixture.library.lastChange)
        #expect(collections.accepts("y"))
        _ = try collections.remove("x")
        #expect(!collections.accepts("x"))
        #expect(fixture.searches.count.withLock { $0 } == 0)
        // Whoever has listed them is told, and not without need.
        try collections.refresh(lastChange: fixture.library.lastChange)
        let changes = fixture.changes.count.withLock { $0 }
        #expect(changes > 3)
        try collections.refresh(lastChange: fixture.library.lastChange)
        #expect(fixture.changes.count.withLock { $0 } == changes)
    }

    @Test(arguments: [
        ("", "empty"), (".x", "dot"), ("..", "dot"), ("a/b", "slash"), ("a\nb", "control"), ("a\u{85}b", "control"),
        (" a", "space"), ("a ", "space"), (String(repeating: "ä", count: 101), "202 bytes"), ("a.M3U8", "playlist"),
        ("a\u{fffd}", "UTF-8"),
    ])
    func namesThatCannotBeDirectoriesAreRefused(name: String, reason: String) throws {
        let fixture = try Fixture()
        let error = #expect(throws: ControlError.self) {
            try fixture.collections.add(name, query: "x", replaces: false)
        }
        #expect(error?.code == .badRequest && error?.message.contains(reason) == true, "\(error?.description ?? "")")
        #expect(error?.remedy != nil)
        #expect(try fixture.curation.collections() == [])
    }

    @Test func whatCannotBeAddedIsToldAndNotStored() throws {
        let fixture = try Fixture()
        let collections = fixture.collections
        let error = #expect(throws: ControlError.self) {
            try collections.add("x", query: "jazz played:soon", replaces: false)
        }
        #expect(error?.code == .badRequest && error?.message.contains("character 13") == true && error?.remedy != nil)
        #expect(try fixture.curation.collections() == [])
        _ = try collections.add(String(repeating: "ä", count: 100), query: "jazz", replaces: false)
        // In another normalisation form it is the same name.
        let again = #expect(throws: ControlError.self) {
            try collections.add(String(repeating: "a\u{308}", count: 100), query: "rock", replaces: false)
        }
        #expect(again?.code == .conflict && again?.message.contains("already") == true)
        // And whoever writes it so finds it.
        let name = String(repeating: "a\u{308}", count: 100)
        #expect(collections.accepts(name))
        #expect(try collections.tracks(of: name, limit: 9).count == 6)
        #expect(try collections.remove(name).name.utf8.count == 200)
        #expect(!collections.accepts(name))
        #expect(try fixture.curation.collections() == [])
        let missing = #expect(throws: ControlError.self) { try collections.remove("y") }
        #expect(missing?.code == .notFound)
    }

    @Test(arguments: ["{\"query\":\"jazz\",\"version\":2}", "{\"version\":1}", "", "{\"query\":\"(\",\"version\":1}"])
    func definitionsThatCannotBeReadAreLeftAlone(definition: String) throws {
        let fixture = try Fixture()
        _ = try fixture.curation.setCollection("x", definition: definition, replaces: false)
        let report = try #require(try fixture.collections.list().last)
        #expect(report.name == "x" && report.problem != nil)
        #expect(throws: ControlError.self) { try fixture.collections.tracks(of: "x", limit: 9) }
        #expect(try fixture.curation.collection(named: "x")?.definition == definition)
        #expect(try fixture.collections.remove("x").problem != nil)
    }

    @Test func withoutAnIndexAndAHistoryTheRestIsThere() throws {
        let fixture = try Fixture()
        let library = fixture.library
        let bare = Collections(curation: fixture.curation, finder: nil, history: nil) {
            () throws(CacheError) in try library.makeReader()
        }
        #expect(try bare.tracks(of: "Recently Added", limit: 1) == [12])
        #expect(try bare.tracks(of: "1970s", limit: 99).count == 6)
        let error = #expect(throws: ControlError.self) { try bare.tracks(of: "Most Played", limit: 9) }
        #expect(error?.code == .unavailable)
        let none = Collections(curation: fixture.curation, finder: nil, history: nil) { () throws(CacheError) in nil }
        #expect(try none.list().count == 3 && none.tracks(of: "Recently Added", limit: 9) == [])
    }

    @Test(arguments: 0..<20) func setsOfTracksAreWhatTheyAreCalled(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func some() -> Set<Int64> {
            Set((0..<Int.random(in: 0...40, using: &random)).map { _ in .random(in: 0...50, using: &random) })
        }
        let (left, right) = (some(), some())
        #expect(SortedTracks.intersect(left.sorted(), right.sorted()) == left.intersection(right).sorted())
        #expect(SortedTracks.unite(left.sorted(), right.sorted()) == left.union(right).sorted())
        #expect(SortedTracks.subtract(right.sorted(), from: left.sorted()) == left.subtracting(right).sorted())
        for id in Int64(-1)...51 { #expect(SortedTracks.contains(left.sorted(), id) == left.contains(id)) }
    }
}
