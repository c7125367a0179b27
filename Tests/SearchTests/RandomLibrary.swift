import TestSupport

@testable import MusicFSSearch

/// Documents and queries of few words, so that they meet.
struct RandomLibrary {
    var random: SeededGenerator

    static let words = [
        "love", "lovely", "loves", "live", "life", "the", "of", "dark", "side", "moon", "Björk", "bjork", "björn",
        "Straße",
        "rock", "rocks", "roll", "lvoe", "night", "nights", "light", "ночь", "Ночи", "夜空", "夜", "空の星", "사랑", "R.E.M.",
        "don't",
        "a", "an", "1984", "2001", "ÉTÉ", "ete", "été",
    ]

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }

    /// The first words are the most frequent.
    mutating func word() -> String {
        let count = RandomLibrary.words.count
        return RandomLibrary.words[Int.random(in: 0..<Int.random(in: 1...count, using: &random), using: &random)]
    }

    mutating func text(_ most: Int) -> String {
        (0..<Int.random(in: 1...most, using: &random)).map { _ in word() }.joined(separator: " ")
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func document(_ id: Int64) -> SearchDocument {
        var texts = [SearchDocument.Text(.title, text(5)), .init(.artist, text(2))]
        if chance(80) { texts.append(.init(.album, text(3))) }
        if chance(20) { texts.append(.init(.artist, text(2))) }
        if chance(60) { texts.append(.init(.albumArtist, text(2))) }
        if chance(60) { texts.append(.init(.genre, pick(["Rock", "Pop", "Jazz"]))) }
        if chance(10) { texts.append(.init(.composer, text(2))) }
        return SearchDocument(
            id: id, texts: texts, year: chance(80) ? Int64.random(in: 1960...2020, using: &random) : nil,
            track: chance(90) ? Int64.random(in: 1...20, using: &random) : nil,
            duration: Int64.random(in: 1000...900_000, using: &random),
            added: chance(50) ? Int64.random(in: 1_600_000_000...1_700_000_000, using: &random) : nil,
            origins: chance(50) ? ["nas"] : ["local", "s3"], format: pick(["flac", "mp3"]))
    }

    mutating func field() -> TextField? { chance(70) ? nil : pick(TextField.allCases) }

    mutating func query(depth: Int = 2) -> SearchQuery {
        switch Int.random(in: 0..<(depth > 0 ? 16 : 9), using: &random) {
        case 0...2: return .term(field(), word())
        case 3: return .phrase(field(), text(3))
        case 4: return .prefix(field(), String(word().prefix(Int.random(in: 1...4, using: &random))))
        case 5: return .fuzzy(field(), word(), distance: Int.random(in: 1...2, using: &random))
        case 6:
            let low = Int64.random(in: 1950...2020, using: &random)
            return .range(.year, low...(low + Int64.random(in: 0...20, using: &random)))
        case 7:
            return chance(50) ? .keyword(.origin, pick(["nas", "s3", "x"])) : .keyword(.format, pick(["FLAC", "mp3"]))
        case 8:
            return chance(80)
                ? .term(field(), word()) : .range(.duration, 0...Int64.random(in: 0...900_000, using: &random))
        case 9...11: return .and((0..<Int.random(in: 1...3, using: &random)).map { _ in query(depth: depth - 1) })
        case 12...14: return .or((0..<Int.random(in: 1...5, using: &random)).map { _ in query(depth: depth - 1) })
        default: return .not(query(depth: depth - 1))
        }
    }
}
