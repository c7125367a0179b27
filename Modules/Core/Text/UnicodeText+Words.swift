import CUnistring

// What searching needs of Unicode.
extension UnicodeText {
    /// The text without what only tells its look or its case: compatibility folding (NFKC), then full case folding.
    ///
    /// `Ⅻ` → `xii`, `ﬁ` → `fi`, `Straße` → `strasse`, half-width kana → kana. Accents stay.
    package static func compatibilityFolded(_ text: String) -> String {
        // Twice: `ℌ` is no capital before NFKC makes it one.
        let compatible = unsafe converted(text) { source, count, length in
            unsafe u8_normalize(musicfs_nfkc(), source, count, nil, length)
        }
        return unsafe converted(compatible) { source, count, length in
            unsafe u8_casefold(source, count, nil, musicfs_nfkc(), nil, length)
        }
    }

    /// Normalisation form D (UAX 15): letters and their marks apart.
    package static func decomposed(_ text: String) -> String {
        unsafe converted(text) { source, count, length in
            unsafe u8_normalize(musicfs_nfd(), source, count, nil, length)
        }
    }

    /// The segments of UAX 29's word boundaries, those of white space and punctuation among them, in their order.
    ///
    /// - Parameter text: valid UTF-8.
    package static func wordSegments(_ text: [UInt8]) -> [Range<Int>] {
        var breaks = [CChar](repeating: 0, count: text.count)
        unsafe text.withUnsafeBufferPointer { source in
            unsafe breaks.withUnsafeMutableBufferPointer { target in
                unsafe u8_wordbreaks(source.baseAddress, source.count, target.baseAddress)
            }
        }
        var segments: [Range<Int>] = []
        var start = 0
        for index in breaks.indices.dropFirst() where breaks[index] != 0 {
            segments.append(start..<index)
            start = index
        }
        if start < text.count { segments.append(start..<text.count) }
        return segments
    }
}
