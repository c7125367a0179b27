import MusicFSCatalogue

/// A query of both programs.
struct BenchQuery {
    var group: String
    var kind: String
    var words: [String]

    /// In our language.
    var text: String {
        switch kind {
        case "title": "title:\(words[0])"
        case "word", "and": words.joined(separator: " ")
        case "or": words.joined(separator: " OR ")
        case "genre": "\(words[0]) genre:\(words[1])"
        case "prefix": "\(words[0])*"
        case "typing": "\(words[0]) \(words[1])*"
        case "mistyped": "\(words[0]) \(words[1])~1"
        case "phrase": "\"\(words.joined(separator: " "))\""
        case "fuzzy1": "\(words[0])~1"
        case "fuzzy2": "\(words[0])~2"
        default: "\(words[0]) year:\(words[1])..\(words[2])"
        }
    }

    var line: String { ([group, kind] + words).joined(separator: "\t") }
}

extension BenchQuery {
    /// Words by their frequency in titles: the catalogue's Latin words, the most frequent first.
    static func groups(tracks: Int) -> [[BenchQuery]] {
        let vocabulary = Catalogue(count: 1).vocabulary
        let words = vocabulary.words(.latin).map { $0.lowercased() }
        let phrases = Catalogue(count: min(tracks, 20_000)).lazy.filter { $0.album.script == .latin }.map { track in
            track.title.lowercased().split(separator: " ").prefix(2).map(String.init)
        }.filter { $0.count == 2 && $0.allSatisfy { $0.utf8.allSatisfy { (0x61...0x7a).contains($0) } } }
        func group(_ name: String, _ kind: String, _ make: (Int) -> [String]) -> [BenchQuery] {
            (0..<20).map { BenchQuery(group: name, kind: kind, words: make($0)) }
        }
        let genres = ["rock", "pop", "jazz", "electronic", "metal"]
        let long = words.filter { $0.count >= 6 }
        let phraseList = Array(phrases.prefix(20))
        return [
            group("title_word", "title") { [words[$0 * 7]] },
            group("common_word", "word") { [words[$0]] },
            group("mid_word", "word") { [words[200 + $0 * 40]] },
            group("rare_word", "word") { [words[20_000 + $0 * 250]] },
            group("two_words", "and") { [words[$0], words[30 + $0 * 3]] },
            group("word_and_genre", "genre") { [words[5 + $0 * 5], genres[$0 % 5]] },
            group("prefix_2", "prefix") { [String(words[150 + $0 * 31].prefix(2))] },
            group("prefix_3", "prefix") { [String(words[300 + $0 * 61].prefix(3))] },
            group("word_and_prefix_2", "typing") { [words[$0 * 3], String(words[150 + $0 * 31].prefix(2))] },
            group("word_and_prefix_3", "typing") { [words[$0 * 3], String(words[300 + $0 * 61].prefix(3))] },
            group("phrase", "phrase") { phraseList.isEmpty ? ["a", "b"] : phraseList[$0 % phraseList.count] },
            group("fuzzy_1", "fuzzy1") { [long[$0 * 50]] },
            group("fuzzy_2", "fuzzy2") { [long[$0 * 50]] },
            group("word_and_fuzzy_1", "mistyped") { [words[$0 * 3], long[$0 * 50]] },
            group("word_and_years", "years") { [words[$0 * 4], "1980", "1989"] },
            group("or_of_five", "or") { number in (0..<5).map { words[number + $0 * 37] } },
        ]
    }
}
