/// The terms of one text, in their order.
package struct AnalyzedText: Hashable, Sendable {
    package struct Word: Hashable, Sendable {
        /// Where the term's bytes are in `bytes`.
        package var range: Range<Int>
        /// Where it was in the folded text, in bytes of UTF-8; of ASCII that is the text itself.
        package var source: Range<Int>
        /// The place among the words of the text, from 0. An exact term has that of the folded one before it.
        package var position: Int
        package var kind: Kind
    }

    package enum Kind: Hashable, Sendable {
        /// A folded word, or two characters of Chinese, Japanese or Korean.
        case folded
        /// One such character alone: in a query it stands for all pairs that begin with it.
        case single
        /// The word with its accents, behind `Term.exactMark`.
        case exact
    }

    package private(set) var bytes: [UInt8] = []
    package private(set) var words: [Word] = []
    /// Whether there was no word, and the text as a whole is one.
    var isWhole = false
    /// How many places there are.
    package private(set) var positions = 0

    package func term(_ word: Word) -> [UInt8] { Array(bytes[word.range]) }

    /// Leaves a place empty that holds a term in a document.
    mutating func skipPosition() { positions += 1 }

    mutating func append(_ term: some Collection<UInt8>, _ kind: Kind, _ source: Range<Int>) {
        let start = bytes.count
        bytes.append(contentsOf: term)
        if kind != .exact { positions += 1 }
        words.append(
            Word(range: start..<bytes.count, source: source, position: max(positions - 1, 0), kind: kind))
    }
}

/// How terms are told apart in one sorted dictionary. Folded words begin with none of these bytes.
package enum Term {
    /// Longer terms are cut here, on a character's boundary, in documents and queries alike.
    package static let maximumBytes = 64

    static let exactMark: UInt8 = 1
    static let originMark: UInt8 = 2
    static let formatMark: UInt8 = 3

    static func keyword(_ field: KeywordField, _ value: String) -> [UInt8] {
        switch field {
        case .origin: [originMark] + cut(Array(value.utf8))
        case .format: [formatMark] + cut(value.utf8.map { (0x41...0x5a).contains($0) ? $0 + 0x20 : $0 })
        }
    }

    /// The bytes, or as many whole characters of them as a term may have.
    static func cut(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count > maximumBytes else { return bytes }
        var end = maximumBytes
        while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        return Array(bytes[..<end])
    }
}
