import MusicFSCore
import TestSupport
import Testing

@testable import MusicFSSearch

private func terms(_ text: String, _ purpose: Analyzer.Purpose = .query) -> [String] {
    let analyzed = Analyzer.analyze(text, for: purpose)
    return analyzed.words.filter { $0.kind != .exact }.map { String(decoding: analyzed.term($0), as: UTF8.self) }
}

@Suite struct AnalyzerTests {
    @Test(arguments: [
        ("Björk", ["bjork"]), ("BJÖRK", ["bjork"]), ("Bjo\u{308}rk", ["bjork"]), ("Ⅻ", ["xii"]), ("ﬁre", ["fire"]),
        ("Straße", ["strasse"]), ("STRASSE", ["strasse"]), ("Ёлка", ["елка"]), ("ЗИМА", ["зима"]),
        ("Αθήνα", ["αθηνα"]), ("ΟΔΟΣ οδός", ["οδοσ", "οδοσ"]), ("Sigur Rós", ["sigur", "ros"]),
        ("Røyksopp", ["royksopp"]), ("Ægir Łódź", ["aegir", "lodz"]), ("Don't", ["dont"]), ("Don’t", ["dont"]),
        ("R.E.M.", ["rem"]), ("AC/DC", ["ac", "dc"]), ("02_intro", ["02", "intro"]), ("Vol:2", ["vol", "2"]),
        ("10,000 Days", ["10000", "days"]), ("ＡＢＣ１", ["abc1"]), ("東京事変", ["東京", "京事", "事変"]),
        ("がか", ["がか"]), ("ｶﾞ", ["ガ"]), ("한국 음악", ["한국", "음악"]), ("雨", ["雨"]), ("☔️ rain", ["☔", "rain"]),
        ("!!!", ["!!!"]), ("÷", ["÷"]), ("+ - +", ["+-+"]), ("", []), (" \t\n", []),
        ("\u{301}\u{301}", ["\u{301}\u{301}"]),
        ("שָׁלוֹם", ["שלום"]), ("مُحَمَّد", ["محمد"]), ("हिन्दी", ["हिन्दी"]),
    ])
    func textBecomesTheseTerms(text: String, expected: [String]) {
        #expect(terms(text) == expected)
    }

    /// The last character of a run is a term of documents, so that each can be found alone.
    @Test func charactersAreFoundAlone() {
        #expect(terms("東京 tower", .document) == ["東京", "京", "tower"])
        let query = Analyzer.analyze("東京 tower", for: .query)
        #expect(query.words.map(\.position) == [0, 2])
    }

    @Test func accentsAreKeptInExactTerms() {
        let analyzed = Analyzer.analyze("Björk live")
        #expect(analyzed.words.map(\.kind) == [.folded, .exact, .folded])
        #expect(analyzed.words.map(\.position) == [0, 0, 1])
        #expect(analyzed.term(analyzed.words[1]) == [1] + Array("björk".utf8))
    }

    @Test func emojiAreWords() {
        #expect(terms("👨‍👩‍👧 family 🎸") == ["👨👩👧", "family", "🎸"])
    }

    /// The fast way for ASCII and the rules for all of Unicode agree.
    @Test func asciiFollowsTheRules() {
        var random = SeededGenerator(seed: 11)
        let alphabet = Array("aB3'.,;:_ -/!&x9\"()\t".unicodeScalars)
        for _ in 0..<5_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
            }
            let written = String(text)
            #expect(Analyzer.analyze(written) == Analyzer.analyzeByTheBook(written), "\(written.debugDescription)")
        }
    }

    @Test func lettersOfEitherCaseAndFormAreTheSame() {
        var random = SeededGenerator(seed: 12)
        let ranges: [ClosedRange<UInt32>] = [
            0x41...0x24f, 0x370...0x3ff, 0x400...0x4ff, 0x1e00...0x1eff, 0x2100...0x218f,
        ]
        for _ in 0..<3000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let range = ranges[Int.random(in: 0..<ranges.count, using: &random)]
                if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { text.append(scalar) }
            }
            let written = String(text)
            let expected = terms(written)
            // Greek subscripts and the Turkish dotted capital change their letters with their case.
            let changes = written.unicodeScalars.contains {
                "ΐΰİıŉǰ".unicodeScalars.contains($0) || $0.properties.isDeprecated
            }
            if !changes { #expect(terms(UnicodeText.composed(written)) == expected, "\(written)") }
            #expect(terms(expected.joined(separator: " ")) == expected, "folding twice changes \(written)")
        }
    }

    @Test func hostileTextIsBounded() {
        let marks = "a" + String(repeating: "\u{301}", count: 100_000)
        #expect(terms(marks) == ["a"])
        #expect(terms(String(repeating: "\u{93f}", count: 100_000)).allSatisfy { $0.utf8.count <= Term.maximumBytes })
        for text in ["ab ", "東", "☔", "x", "ﷺ"] {
            let analyzed = Analyzer.analyze(String(repeating: text, count: 100_000))
            #expect(!analyzed.words.isEmpty)
            #expect(analyzed.positions <= 4 * Analyzer.maximumWords)
            #expect(analyzed.words.allSatisfy { (1...Term.maximumBytes).contains($0.range.count) })
        }
        #expect(terms("\u{0}a\u{0}b") == ["a", "b"])
    }
}
