import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSSearch

/// The lists of pairs of common words say what the words themselves say.
@Suite struct PairTests {
    private static let words = ["the", "sea", "of", "moon", "Ночь", "夜空の"]

    private static func text(_ library: inout RandomLibrary, _ most: Int, without rare: String) -> String {
        (0..<Int.random(in: 1...most, using: &library.random)).map { _ in
            let word = library.pick(words)
            return word == rare && !library.chance(5) ? library.pick(words.filter { $0 != rare }) : word
        }.joined(separator: " ")
    }

    private static func document(_ library: inout RandomLibrary, without rare: String) -> SearchDocument {
        let title = text(&library, library.chance(5) ? 40 : 4, without: rare)
        return SearchDocument(
            id: Int64.random(in: 0..<1000, using: &library.random),
            texts: [
                .init(.title, title), .init(.artist, text(&library, 2, without: rare)),
                .init(.artist, text(&library, 2, without: rare)),
            ])
    }

    /// In how many segments the words of a phrase of two are common.
    private func lists(_ phrase: String, _ snapshot: SearchSnapshot) -> Int {
        let analyzed = Analyzer.analyze(phrase, for: .query)
        let terms = analyzed.words.map { analyzed.term($0) }
        return snapshot.parts.count { part in
            terms.allSatisfy {
                PairLists.isCommon(part.segment.entry($0)?.count ?? 0, of: part.segment.documentCount)
            }
        }
    }

    /// Explanations ask the words, not the lists: what they say has to be the same to the last bit.
    private func expectExplained(
        _ snapshot: SearchSnapshot, _ query: SearchQuery, location: SourceLocation = #_sourceLocation
    ) throws {
        for hit in try snapshot.search(query).hits {
            let explained = try snapshot.explain(query, id: hit.id)
            #expect(explained?.score == hit.score, "\(query) \(hit)", sourceLocation: location)
        }
    }

    /// Where the words are common in some segments, with deletions, and in one that was merged.
    @Test(arguments: 0..<Rounds.of(2, full: 40))
    func pairsAreWhatPhrasesAre(round: Int) throws {
        let (directory, other) = (try TestDirectory(), try TestDirectory())
        var library = RandomLibrary(seed: UInt64(round) + 4000)
        var naive = NaiveSearch()
        let index = try SearchIndex.open(directory.path)
        for step in 0..<3 {
            for _ in 0..<500 {
                let document = Self.document(&library, without: Self.words[(step + round) % Self.words.count])
                try index.add([document])
                naive.add(document)
            }
            let gone = (0..<20).map { _ in Int64.random(in: 0..<1000, using: &library.random) }
            index.remove(gone)
            for id in gone { naive.remove(id) }
            try index.commit(sequence: 1)
        }
        #expect(index.snapshot.segmentCount == 3)
        var seen: Set<Int> = []
        func expectAll(isSettled: Bool) throws {
            for _ in 0..<20 {
                // That of the last one alone is a pair.
                let phrase = library.chance(90) ? "\(library.pick(Self.words)) \(library.pick(Self.words))" : "夜空の"
                seen.insert(lists(phrase, index.snapshot))
                let query = SearchQuery.phrase(library.chance(50) ? nil : library.pick([.title, .artist]), phrase)
                let beside = SearchQuery.and([.term(nil, library.pick(Self.words)), query])
                for query in [query, beside, .not(query)] {
                    let expected = naive.search(query)
                    #expect(try index.snapshot.matches(query) == expected.map(\.id).sorted(), "\(query)")
                    let limit = library.pick([1, 20, 10_000])
                    let found = try index.snapshot.search(query, options: SearchOptions(limit: limit))
                    if isSettled { expectAgreement(found, expected, limit: limit, "\(query)") }
                }
                try expectExplained(index.snapshot, query)
                try expectExplained(index.snapshot, beside)
            }
        }
        try expectAll(isSettled: false)
        // In all segments and in some.
        #expect(seen.count > 1 && seen.contains(3))
        try index.compact()
        naive.compact()
        seen = []
        try expectAll(isSettled: true)
        #expect(seen.contains(1))

        let built = try SearchIndex.open(other.path)
        try built.add(naive.entries.map(\.document))
        try built.commit(sequence: 1)
        func content(_ index: SearchIndex, _ directory: TestDirectory) throws -> [UInt8] {
            try readFile(directory.path.appending(index.snapshot.parts[0].file.name))
        }
        #expect(try content(index, directory) == content(built, other))
    }

    /// The place behind the last one of a field is the first one of the next field.
    @Test func noPairGoesFromOneFieldToTheNext() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        let others = (0..<300).map {
            SearchDocument(id: Int64($0), texts: [.init(.title, "the x"), .init(.artist, "sea")])
        }
        try index.add(others)
        func filler(_ count: Int) -> String { Array(repeating: "x", count: count).joined(separator: " ") }
        let whole = Array(repeating: SearchDocument.Text(.title, filler(1024)), count: 3)
        try index.add([
            SearchDocument(id: 1000, texts: whole + [.init(.title, filler(1020) + " the"), .init(.artist, "sea")]),
            SearchDocument(id: 1001, texts: whole + [.init(.title, filler(1019) + " the sea")]),
            SearchDocument(id: 1002, texts: [.init(.title, "the"), .init(.title, "sea")]),
            SearchDocument(id: 1003, texts: [.init(.genre, "The sea!")]),
        ])
        try index.commit(sequence: 1)
        #expect(lists("the sea", index.snapshot) == 1)
        #expect(try index.snapshot.matches(.phrase(nil, "the sea")) == [1001, 1003])
        #expect(try index.snapshot.matches(.phrase(.title, "the sea")) == [1001])
        #expect(try index.snapshot.matches(.phrase(nil, "sea the")) == [])
        try expectExplained(index.snapshot, .phrase(nil, "the sea"))
    }

    /// A posting tells of the first 255 alone, of a pair as of its words; and a merge makes no more of it.
    @Test func wordsThatAreThereVeryOftenArePairsAsOften() throws {
        let (one, other) = (try TestDirectory(), try TestDirectory())
        let text = Array(repeating: "the sea", count: 300).joined(separator: " ")
        let documents = (0..<300).map {
            SearchDocument(id: Int64($0), texts: [.init(.title, $0 == 7 ? text : "the sea")])
        }
        let (whole, parts) = (try SearchIndex.open(one.path), try SearchIndex.open(other.path))
        try whole.add(documents)
        try whole.commit(sequence: 1)
        for half in [documents[..<140], documents[140...]] {
            try parts.add(half)
            try parts.commit(sequence: 1)
        }
        #expect(lists("the sea", parts.snapshot) == 2)
        for index in [parts, whole] {
            for phrase in ["the sea", "sea the"] { try expectExplained(index.snapshot, .phrase(nil, phrase)) }
            let explained = try index.snapshot.explain(.phrase(nil, "the sea"), id: 7)
            #expect(explained?.parts.first?.fields.map(\.count) == [255])
        }
        try parts.compact()
        let files = try [(whole, one), (parts, other)].map { index, directory in
            try readFile(directory.path.appending(index.snapshot.parts[0].file.name))
        }
        #expect(files[0] == files[1])
    }

    /// What begins as a word does, or is near it, is a word and never a pair.
    @Test func pairsAreNoWords() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        try index.add((0..<300).map { SearchDocument(id: Int64($0), texts: [.init(.title, "ab b ab")]) })
        try index.commit(sequence: 1)
        let segment = index.snapshot.parts[0].segment
        #expect(segment.pairCount == 2)
        var cursor = segment.cursor()
        var terms: [[UInt8]] = []
        while cursor.next() { terms.append(cursor.term) }
        #expect(terms == [Array("ab".utf8), Array("b".utf8)])
        #expect(segment.pair(PairLists.name(Array("ab".utf8), Array("b".utf8)))?.count == 300)
        // The length of the first word tells where it ends.
        #expect(segment.pair(PairLists.name(Array("a".utf8), Array("bb".utf8))) == nil)
    }
}
