import MusicFSSystem

/// How much a word counts in each text field.
package struct FieldWeights: Hashable, Sendable {
    /// In the order of `TextField`, from 0 to 100.
    private(set) var values: SIMD8<Float>

    package static let standard = FieldWeights(
        title: 3, artist: 2.5, album: 2, albumArtist: 1.5, genre: 1, composer: 1)

    package init(title: Float, artist: Float, album: Float, albumArtist: Float, genre: Float, composer: Float) {
        values = SIMD8(title, artist, album, albumArtist, genre, composer, 0, 0)
        values.clamp(lowerBound: SIMD8(repeating: 0), upperBound: SIMD8(repeating: 100))
    }

    package subscript(_ field: TextField) -> Float { values[Int(field.rawValue)] }
}

/// The constants of BM25F (Robertson, Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).
///
/// The score of a word is `idf · (k1 + 1) · w / (k1 + w)`, where `w` is the sum over its fields of
/// `weight · count / (1 − b + b · length / average length)`, and `idf` is `ln(1 + (N − n + ½) / (n + ½))`. In a query for
/// one field its weight is 1, which makes it BM25.
enum Ranking {
    static let k1: Float = 1.2
    static let b: Float = 0.75
    /// A word that only begins as asked for counts so much of one that is equal.
    static let prefixFactor: Float = 0.75
    /// By the number of typing errors.
    static let fuzzyFactors: [Float] = [1, 0.5, 0.25]

    static func idf(documents: Int, having count: Int) -> Float {
        let (all, some) = (Double(documents), Double(min(count, documents)))
        return Float(naturalLogarithm(1 + (all - some + 0.5) / (some + 0.5)))
    }
}
