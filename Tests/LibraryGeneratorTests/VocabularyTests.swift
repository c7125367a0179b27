import MusicFSCatalogue
import Testing

@Suite struct VocabularyTests {
    let vocabulary = Vocabulary(seed: 1)

    @Test func itHoldsFiftyThousandDistinctWords() {
        let words = Script.allCases.flatMap(vocabulary.words)
        #expect(words.count == 50_000)
        for script in Script.allCases {
            let words = vocabulary.words(script)
            #expect(Set(words).count == words.count)
            #expect(words.allSatisfy { !$0.isEmpty && $0.utf8.count <= 60 && !$0.contains("/") })
        }
    }

    /// Zipf's law: the frequency of a rank is proportional to 1/rank, over the whole range.
    @Test func frequenciesFollowZipfsLaw() {
        let table = WeightedTable.zipf(10_000)
        var random = SeededRandom(11)
        var counts = [Int](repeating: 0, count: table.count)
        let draws = 2_000_000
        for _ in 0..<draws { counts[table.draw(&random)] += 1 }
        // The harmonic number of 10,000.
        let norm = 9.787606
        for range in [0..<1, 1..<2, 9..<10, 90..<110, 900..<1100, 5000..<10_000] {
            let expected = range.reduce(0) { $0 + Double(draws) / norm / Double($1 + 1) }
            let seen = Double(range.reduce(0) { $0 + counts[$1] })
            // Five standard deviations of a Poisson count.
            #expect(abs(seen - expected) < 5 * expected.squareRoot(), "ranks \(range): \(seen), expected \(expected)")
        }
    }

    @Test func weightedTablesGiveEachIndexItsShare() {
        let weights = [5.0, 0, 1, 3, 1]
        let table = WeightedTable(weights: weights)
        var random = SeededRandom(12)
        var counts = [Int](repeating: 0, count: weights.count)
        for _ in 0..<100_000 { counts[table.draw(&random)] += 1 }
        for (count, weight) in zip(counts, weights) { #expect(abs(Double(count) - weight * 10_000) < 600) }
        #expect(counts[1] == 0)
    }

    @Test func boundedNumbersCoverTheirRangeEvenly() {
        var random = SeededRandom(13)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[random.within(3...9) - 3] += 1 }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
        #expect(random.below(0) == 0)
    }
}
