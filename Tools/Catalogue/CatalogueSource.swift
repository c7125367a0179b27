/// The tables that a catalogue draws from; a function of the seed alone.
final class CatalogueSource: Sendable {
    let seed: UInt64
    /// Never empty.
    let formats: [AudioFormat]
    let vocabulary: Vocabulary
    private let formatTable: WeightedTable
    private let genreTable = WeightedTable.zipf(CatalogueSource.genreNames.count)
    private let titleLengths = WeightedTable(weights: [22, 33, 25, 13, 7])
    private let albumCounts = WeightedTable.zipf(30)

    private static let genreNames = [
        "Rock", "Pop", "Electronic", "Jazz", "Classical", "Hip-Hop", "Metal", "Folk", "Ambient", "Soul", "Indie Rock",
        "Punk", "Blues", "Country", "Soundtrack", "House", "Techno", "Reggae", "R&B", "Singer/Songwriter", "World",
        "Drum & Bass", "Funk", "Chanson", "Opera", "Post-Rock", "Shoegaze", "Bossa Nova", "Afrobeat", "Trip Hop",
        "Baroque", "J-Pop", "K-Pop", "Klezmer", "Rebetiko", "Fado", "Flamenco", "Spoken Word", "Musique concrète",
        "Русский рок",
    ]

    init(seed: UInt64, formats: [AudioFormat]) {
        self.seed = seed
        self.formats = formats.isEmpty ? AudioFormat.allCases : formats
        vocabulary = Vocabulary(seed: seed)
        formatTable = WeightedTable(weights: self.formats.map(\.weight))
    }

    func format(_ random: inout SeededRandom) -> AudioFormat { formats[formatTable.draw(&random)] }

    /// Another format than `format`, or the same where there is only one.
    func otherFormat(than format: AudioFormat) -> AudioFormat { formats.first { $0 != format } ?? format }

    /// How many albums an artist has: mostly few, at most 30.
    func albumCount(artist id: Int) -> Int {
        var random = SeededRandom(seed, 0x636f_756e_7400, UInt64(id))
        return albumCounts.draw(&random) + 1
    }

    struct Artist {
        var id: Int
        var name: String
        /// What the artist's titles are written in.
        var script: Script
    }

    /// The artist of that number, who writes in `script` if that is given.
    func artist(_ id: Int, script: Script? = nil) -> Artist {
        var random = SeededRandom(seed, 0x6172_7469_7374, UInt64(id))
        let drawn = vocabulary.script(&random)
        let script = script ?? drawn
        return Artist(id: id, name: artistName(script, &random), script: script)
    }

    private func artistName(_ script: Script, _ random: inout SeededRandom) -> String {
        let first = vocabulary.rareWord(script, &random)
        let second = vocabulary.word(script, &random)
        let isLatin = script == .latin || script == .diacritics
        switch random.below(100) {
        case 0..<18: return first
        case 18..<30 where isLatin: return "The \(first)s"
        case 30..<36 where isLatin: return "\(second) & The \(first)s"
        case 36..<39 where isLatin: return "\(first) \(second) Orchestra"
        case 39 where isLatin: return "\(first)/\(second)"
        default: return first + script.separator + second
        }
    }

    func trackTitle(_ script: Script, _ random: inout SeededRandom) -> String {
        // Where a script is not Latin, some titles still are.
        let script = script != .latin && random.perMille(100) ? .latin : script
        var title = vocabulary.words(titleLengths.draw(&random) + 1, script, &random)
        switch random.below(200) {
        case 0..<6: title += " (Live)"
        case 6..<10: title += " - Remastered 2011"
        case 10..<13: title += " (Instrumental)"
        case 13..<15: title += ", Pt. \(random.within(1...3))"
        case 15: title += "/" + vocabulary.word(script, &random)
        case 16: title += ": " + vocabulary.word(script, &random)
        case 17: title += "?"
        case 18: title = "\"" + title + "\""
        case 19: title += "…"
        default: break
        }
        return title
    }

    func albumTitle(_ script: Script, isCompilation: Bool, _ random: inout SeededRandom) -> String {
        let title = vocabulary.words(random.within(1...4), script, &random)
        if isCompilation { return "\(title), Vol. \(random.within(1...40))" }
        return random.perMille(30) ? title + " (Deluxe Edition)" : title
    }

    func date(_ random: inout SeededRandom) -> String {
        // The later of two draws: more is kept from recent years.
        let year = max(random.within(1955...2025), random.within(1955...2025))
        guard random.perMille(150) else { return String(year) }
        let month = random.within(1...12)
        let day = random.within(1...28)
        return "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
    }

    func genres(_ random: inout SeededRandom) -> [String] {
        let genre = CatalogueSource.genreNames[genreTable.draw(&random)]
        guard random.perMille(80) else { return [genre] }
        let second = CatalogueSource.genreNames[genreTable.draw(&random)]
        return genre == second ? [genre] : [genre, second]
    }

    /// Singles, EPs, albums, long ones, double albums and box sets.
    func discs(_ random: inout SeededRandom) -> [Int] {
        switch random.below(1000) {
        case 0..<80: [random.within(1...2)]
        case 80..<200: [random.within(4...6)]
        case 200..<840: [random.within(8...14)]
        case 840..<940: [random.within(15...22)]
        case 940..<995: (0..<random.within(2...4)).map { _ in random.within(8...14) }
        default: (0..<random.within(5...12)).map { _ in random.within(8...14) }
        }
    }
}
