import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSSearch

/// Compares an answer with the naive one. Scores differ by rounding, so that equal ones may come in another order.
func expectAgreement(
    _ results: SearchResults, _ naive: [SearchHit], limit: Int, _ comment: String,
    location: SourceLocation = #_sourceLocation
) {
    let expected = naive.prefix(limit)
    #expect(results.hits.count == expected.count, "\(comment)", sourceLocation: location)
    let scores = Dictionary(uniqueKeysWithValues: naive.map { ($0.id, $0.score) })
    var previous: SearchHit?
    for (hit, wanted) in zip(results.hits, expected) {
        let tolerance = 1e-4 * max(1, wanted.score)
        let own = scores[hit.id] ?? .nan
        #expect(
            abs(hit.score - wanted.score) <= tolerance, "\(comment): \(hit), not \(wanted)", sourceLocation: location)
        #expect(abs(hit.score - own) <= tolerance, "\(comment): \(hit) has the score \(own)", sourceLocation: location)
        if let previous { #expect(previous.isBetter(than: hit), "\(comment): the order", sourceLocation: location) }
        previous = hit
    }
    switch results.total {
    case .exact(let count): #expect(count == naive.count, "\(comment): the count", sourceLocation: location)
    case .atLeast(let count): #expect(count <= naive.count, "\(comment): at least", sourceLocation: location)
    }
}

@Suite struct SearchTests {
    @Test func whatWasCommittedIsFound() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("index")
        let index = try SearchIndex.open(path)
        try index.add([
            SearchDocument(
                id: 7, texts: [.init(.title, "Jóga"), .init(.artist, "Björk"), .init(.album, "Homogenic")], year: 1997,
                origins: ["nas"], format: "flac"),
            SearchDocument(id: 9, texts: [.init(.title, "Bjork"), .init(.artist, "Nobody")], year: 2001),
        ])
        #expect(index.snapshot.documentCount == 0)
        try index.commit(sequence: 12)
        func ids(_ query: String) throws -> [Int64] {
            let parsed = try QueryParser.parse(query, options: QueryParser.Options(now: 0))
            return try SearchSnapshot.open(path).search(parsed).hits.map(\.id)
        }
        #expect(try ids("BJÖRK") == [7, 9])
        #expect(try ids("bjork") == [9, 7])
        #expect(try ids("artist:bjork") == [7])
        #expect(try ids("year:1990..1999") == [7])
        #expect(try ids("format:FLAC origin:nas") == [7])
        #expect(try ids("bjork -nobody") == [7])
        #expect(try ids("homgenic~1") == [7])
        #expect(try ids("nothing").isEmpty)
        #expect(try SearchIndex.open(path).sequence == 12)
    }

    /// Random documents come, change and go, segments merge, and all answers are those of the naive search.
    @Test(arguments: 0..<Rounds.of(5, full: 84))
    func answersAreThoseOfTheNaiveSearch(round: Int) throws {
        let directory = try TestDirectory()
        var library = RandomLibrary(seed: UInt64(round) + 100)
        var naive = NaiveSearch()
        // A small budget makes many segments.
        var index = try SearchIndex.open(
            directory.path, options: SearchIndex.Options(memoryBudget: 20_000 << (round % 5)))
        for step in 0..<4 {
            for _ in 0..<(40 << (round % 3)) {
                let document = library.document(Int64.random(in: 0..<400, using: &library.random))
                try index.add([document])
                naive.add(document)
                if library.chance(10) {
                    let id = Int64.random(in: 0..<400, using: &library.random)
                    index.remove([id])
                    naive.remove(id)
                }
            }
            try index.commit(sequence: Int64(step))
            if library.chance(30) { try index.merge() }
            if library.chance(30) { index = try SearchIndex.open(directory.path) }
            // Which deleted documents still count for the statistics only a merge of everything settles.
            let isSettled = step % 2 == 1
            if isSettled {
                try index.compact()
                naive.compact()
            }
            let snapshot = index.snapshot
            try snapshot.verify()
            for number in 0..<60 {
                let query = library.query()
                let expected = naive.search(query)
                #expect(try snapshot.matches(query) == expected.map(\.id).sorted(), "\(query)")
                let limit = library.pick([1, 3, 20, 1000])
                if isSettled {
                    let options = SearchOptions(limit: limit, countsAll: number % 3 == 0)
                    expectAgreement(
                        try snapshot.search(query, options: options), expected, limit: limit, "\(query)")
                } else {
                    let options = SearchOptions(limit: 10_000, countsAll: number % 2 == 0)
                    let found = try snapshot.search(query, options: options)
                    #expect(Set(found.hits.map(\.id)) == Set(expected.map(\.id)), "\(query)")
                }
            }
        }
    }

    /// Long lists, whose blocks are left out by their bounds.
    @Test func boundsLeaveNothingOut() throws {
        let directory = try TestDirectory()
        var library = RandomLibrary(seed: 5)
        var naive = NaiveSearch()
        let index = try SearchIndex.open(directory.path)
        for id in 0..<2000 {
            let document = library.document(Int64(id))
            try index.add([document])
            naive.add(document)
        }
        try index.commit(sequence: 1)
        for _ in 0..<40 {
            let query = library.query()
            let expected = naive.search(query)
            for limit in [1, 20] {
                let options = SearchOptions(limit: limit)
                expectAgreement(
                    try index.snapshot.search(query, options: options), expected, limit: limit, "\(query)")
            }
            let second = try index.snapshot.search(query, options: SearchOptions(limit: 5, offset: 5)).hits
            #expect(
                second == Array(try index.snapshot.search(query, options: SearchOptions(limit: 10)).hits.dropFirst(5)))
        }
    }

    @Test func otherWeightsGiveOtherOrders() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        try index.add([
            SearchDocument(id: 1, texts: [.init(.title, "moon"), .init(.artist, "x")]),
            SearchDocument(id: 2, texts: [.init(.title, "y"), .init(.artist, "moon")]),
        ])
        try index.commit(sequence: 1)
        let weights = FieldWeights(title: 1, artist: 5, album: 1, albumArtist: 1, genre: 1, composer: 1)
        let query = SearchQuery.term(nil, "moon")
        #expect(try index.snapshot.search(query).hits.map(\.id) == [1, 2])
        #expect(try index.snapshot.search(query, options: SearchOptions(weights: weights)).hits.map(\.id) == [2, 1])
    }

    @Test func fuzzyWordsAreThoseInReach() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        var library = RandomLibrary(seed: 77)
        let letters = ["a", "b", "c", "é", "я", "1"]
        var words: [String] = []
        for id in 0..<4000 {
            let word = (0..<Int.random(in: 1...7, using: &library.random)).map { _ in library.pick(letters) }.joined()
            words.append(word)
            try index.add([SearchDocument(id: Int64(id), texts: [.init(.title, word)])])
        }
        try index.commit(sequence: 1)
        let folded = words.map { Analyzer.analyze($0) }.map { $0.term($0.words[0]) }
        for _ in 0..<60 {
            let word = (0..<Int.random(in: 1...8, using: &library.random)).map { _ in library.pick(letters) }.joined()
            let analyzed = Analyzer.analyze(word)
            let term = analyzed.term(analyzed.words[0])
            for distance in 1...2 {
                let found = try index.snapshot.search(
                    .fuzzy(nil, word, distance: distance), options: SearchOptions(limit: 10_000))
                let expected = folded.indices.filter { NaiveSearch.distance(folded[$0], term) <= distance }
                #expect(Set(found.hits.map { Int($0.id) }) == Set(expected), "\(word)~\(distance)")
            }
        }
    }
}
