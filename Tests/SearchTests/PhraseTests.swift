import TestSupport
import Testing

@testable import MusicFSSearch

@Suite struct PhraseTests {
    /// Texts of words of which few are rare, so that the blocks of the others are many and mostly left out.
    private static func text(_ library: inout RandomLibrary, _ most: Int) -> String {
        (0..<Int.random(in: 1...most, using: &library.random)).map { _ in
            library.chance(3) ? library.pick(["moon", "star"]) : library.pick(["the", "the", "sea", "of"])
        }.joined(separator: " ")
    }

    /// Albums of some tracks, a twentieth of which have words many times.
    private static func documents(_ library: inout RandomLibrary, _ count: Int) -> [SearchDocument] {
        var documents: [SearchDocument] = []
        while documents.count < count {
            let (artist, album) = (text(&library, 3), text(&library, 3))
            for _ in 0..<library.pick([1, 3, 12]) {
                let title = library.chance(5) ? text(&library, 60) : text(&library, 4)
                documents.append(
                    SearchDocument(
                        id: Int64(documents.count),
                        texts: [.init(.title, title), .init(.artist, artist), .init(.album, album)]))
            }
        }
        return documents
    }

    @Test(arguments: 0..<Rounds.of(1, full: 40))
    func phrasesOfRareAndCommonWordsAreFound(round: Int) throws {
        let directory = try TestDirectory()
        var library = RandomLibrary(seed: UInt64(round) + 900)
        var naive = NaiveSearch()
        let index = try SearchIndex.open(directory.path)
        let documents = Self.documents(&library, 1000)
        for document in documents { naive.add(document) }
        try index.add(documents)
        try index.commit(sequence: 1)
        let phrases = [
            "moon the", "the moon", "sea star", "the the", "moon star", "of the moon", "the moon the", "sea of the sea",
        ]
        for phrase in phrases {
            for field in [nil, TextField.title] {
                let query = SearchQuery.phrase(field, phrase)
                let expected = naive.search(query)
                #expect(try index.snapshot.matches(query) == expected.map(\.id).sorted(), "\(query)")
                for limit in [1, 20, 10_000] {
                    expectAgreement(
                        try index.snapshot.search(query, options: SearchOptions(limit: limit)), expected, limit: limit,
                        "\(query)")
                }
                // Beside another word it is asked for here and there.
                let beside = SearchQuery.and([.term(nil, library.pick(["star", "sea"])), query])
                expectAgreement(
                    try index.snapshot.search(beside, options: SearchOptions(limit: 20)), naive.search(beside),
                    limit: 20, "\(beside)")
            }
        }
    }
}
