/// 50,000 invented, pronounceable words of eight scripts, drawn by Zipf's law within each.
package final class Vocabulary: Sendable {
    private struct Lexicon: Sendable {
        let words: [String]
        let ranks: WeightedTable
    }

    /// One per script, in the order of `Script.allCases`.
    private let lexicons: [Lexicon]
    private let scripts: WeightedTable

    package init(seed: UInt64) {
        lexicons = Script.allCases.map { script in
            var random = SeededRandom(seed, 0x766f_6361, UInt64(script.rawValue))
            return Lexicon(words: Vocabulary.words(script, &random), ranks: .zipf(script.wordCount))
        }
        scripts = WeightedTable(weights: Script.allCases.map(\.weight))
    }

    /// All words of a script, the most frequent first, each once and with a capital where the script has one.
    package func words(_ script: Script) -> [String] { lexicons[script.rawValue].words }

    func script(_ random: inout SeededRandom) -> Script { Script.allCases[scripts.draw(&random)] }

    /// A word by its frequency.
    package func word(_ script: Script, _ random: inout SeededRandom) -> String {
        let lexicon = lexicons[script.rawValue]
        return lexicon.words[lexicon.ranks.draw(&random)]
    }

    /// Any word, frequent or not: for names, which repeat less than the words of titles do.
    func rareWord(_ script: Script, _ random: inout SeededRandom) -> String {
        let words = lexicons[script.rawValue].words
        return words[random.below(words.count)]
    }

    func words(_ count: Int, _ script: Script, _ random: inout SeededRandom) -> String {
        var text = word(script, &random)
        for _ in 1..<max(count, 1) {
            text += script.separator
            text += word(script, &random)
        }
        return text
    }

    /// Frequent words are short, as in every language; a word that exists already grows until it is new.
    private static func words(_ script: Script, _ random: inout SeededRandom) -> [String] {
        let phonologies = script.phonologies
        var seen = Set<String>(minimumCapacity: script.wordCount)
        var words: [String] = []
        words.reserveCapacity(script.wordCount)
        while words.count < script.wordCount {
            let phonology = phonologies[random.below(phonologies.count)]
            var syllables = words.count < 150 ? 1 : random.within(1...(words.count < 3000 ? 2 : 3))
            var word = phonology.word(syllables: syllables, &random)
            while seen.contains(word) {
                syllables += 1
                word = phonology.word(syllables: syllables, &random)
            }
            seen.insert(word)
            words.append(word.prefix(1).uppercased() + word.dropFirst())
        }
        return words
    }
}
