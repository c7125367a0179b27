import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSSearch

/// Deadlines, cancelling, and answers as lists of ids.
@Suite struct SearchLimitsTests {
    /// One segment of many documents.
    private static func makeSnapshot(_ directory: TestDirectory, _ count: Int) throws -> SearchSnapshot {
        let index = try SearchIndex.open(directory.path)
        for number in 0..<count {
            let kind = number % 2 == 0 ? "even" : "odd"
            let title = SearchDocument.Text(.title, "common \(kind) word\(number)")
            try index.add([
                SearchDocument(
                    id: Int64(number * 3), texts: [title, SearchDocument.Text(.album, "album common")],
                    year: Int64(1900 + number % 100), format: "flac")
            ])
        }
        try index.commit(sequence: 1)
        return index.snapshot
    }

    private static let slow: [SearchQuery] = [
        .all, .term(nil, "common"), .term(.title, "common"), .keyword(.format, "flac"), .phrase(nil, "album common"),
        .phrase(nil, "common odd"), .prefix(nil, "w"), .fuzzy(nil, "word15", distance: 2), .prefix(nil, "word1"),
        .fuzzy(nil, "wardxxxx", distance: 2), .and([.term(nil, "common"), .term(nil, "album")]),
        .and([.term(nil, "odd"), .term(nil, "even")]),
        .and([.term(nil, "common"), .prefix(nil, "w")]), .and([.prefix(nil, "w"), .prefix(nil, "a")]),
        .or([.term(nil, "odd"), .term(nil, "even")]),
        .or([.term(nil, "odd"), .prefix(nil, "wo"), .range(.year, 0...9)]),
        .range(.year, 1910...1911), .range(.year, 1900...1999), .not(.range(.year, 1900...1998)),
        .not(.term(nil, "even")), .not(.prefix(nil, "w")), .not(.not(.all)),
        .and([.range(.year, 1900...1999), .not(.term(nil, "common"))]),
    ]

    /// Every loop that can be long looks at the clock: a search that is cancelled at one of its looks ends there.
    @Test func everyLoopEndsWhenItIsAskedTo() throws {
        let directory = try TestDirectory()
        let snapshot = try Self.makeSnapshot(directory, 3000)
        for query in Self.slow {
            for run in 0..<2 {
                func answer(_ watch: SearchWatch) throws(SearchError) {
                    if run == 0 {
                        _ = try snapshot.search(query, options: SearchOptions(countsAll: true), watch: watch)
                    } else {
                        _ = try snapshot.matches(query, limit: .max, watch: watch)
                    }
                }
                var looks = 0
                try answer(
                    SearchWatch(interval: 256) {
                        looks += 1; return false
                    })
                #expect(looks >= 6, "\(query) looks \(looks) times at the clock")
                for last in 1...5 {
                    var seen = 0
                    let error = #expect(throws: SearchError.self, "\(query)") {
                        try answer(
                            SearchWatch(interval: 256) {
                                seen += 1
                                return seen >= last
                            })
                    }
                    #expect(error?.code == .cancelled)
                    #expect(seen == last, "\(query) went on")
                }
            }
        }
    }

    @Test func deadlinesEndSearches() throws {
        let directory = try TestDirectory()
        let snapshot = try Self.makeSnapshot(directory, 200)
        for query in Self.slow {
            let found = try snapshot.search(query, deadline: monotonicNanoseconds() + 60_000_000_000)
            #expect(try snapshot.search(query) == found)
            for run in 0..<2 {
                let error = #expect(throws: SearchError.self, "\(query)") {
                    if run == 0 {
                        _ = try snapshot.search(query, deadline: monotonicNanoseconds())
                    } else {
                        _ = try snapshot.matches(query, deadline: monotonicNanoseconds())
                    }
                }
                #expect(error?.code == .tooLong)
            }
        }
    }

    /// Numbers that nothing has are looked for once, not once for each document.
    @Test func excludedNumbersTakeNoSquareOfTheTime() throws {
        let directory = try TestDirectory()
        let snapshot = try Self.makeSnapshot(directory, 3000)
        for query in [SearchQuery.not(.range(.year, 1999...1999)), .not(.or([.range(.year, 1999...1999)]))] {
            var looks = 0
            let found = try snapshot.matches(
                query, limit: .max,
                watch: SearchWatch(interval: 100) {
                    looks += 1; return false
                })
            #expect(found.count == 2970)
            #expect(looks < 200, "\(looks) looks")
        }
    }

    @Test func listsOfMemoryAreBounded() throws {
        let watch = SearchWatch()
        #expect(watch.takeMemory(SearchWatch.memoryLimit))
        #expect(!watch.takeMemory(1))
        #expect(watch.isOver(after: 1))
        #expect(throws: SearchError.self) { try watch.check() }
    }

    @Test func matchesAreInTheOrderOfTheirIds() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        // Segments whose ids overlap.
        for part in 0..<3 {
            try index.add(
                (0..<50).map { SearchDocument(id: Int64($0 * 3 + part), texts: [.init(.title, "x y\($0 % 2)")]) })
            try index.commit(sequence: 1)
        }
        index.remove([0, 7, 149])
        try index.commit(sequence: 2)
        let all = (0..<150).map(Int64.init).filter { ![0, 7, 149].contains($0) }
        #expect(try index.snapshot.matches(.term(nil, "x")) == all)
        #expect(try index.snapshot.matches(.all) == all)
        #expect(try index.snapshot.matches(.term(nil, "x"), limit: 10) == Array(all.prefix(10)))
        #expect(try index.snapshot.matches(.term(nil, "x"), limit: 0).isEmpty)
        #expect(try index.snapshot.matches(.term(nil, "z")).isEmpty)
        #expect(try index.snapshot.matches(.prefix(nil, "y")) == all)
    }

    /// Ten thousand hits of a beginning are found as fast as twenty.
    @Test func pagesReachFar() throws {
        let directory = try TestDirectory()
        let snapshot = try Self.makeSnapshot(directory, 3000)
        let all = try snapshot.search(.prefix(nil, "w"), options: SearchOptions(limit: 10_000))
        #expect(all.hits.count == 3000)
        #expect(all.total == .exact(3000))
        let page = try snapshot.search(.prefix(nil, "w"), options: SearchOptions(limit: 10, offset: 2000))
        #expect(page.hits == Array(all.hits[2000..<2010]))
        #expect(try snapshot.search(.prefix(nil, "w")).hits == Array(all.hits.prefix(20)))
    }
}
