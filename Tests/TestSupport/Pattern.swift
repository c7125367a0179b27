/// Bytes that follow from a seed and their offset.
package enum Pattern {
    /// One of them.
    package static func byte(_ seed: UInt64, _ offset: Int64) -> UInt8 {
        UInt8(truncatingIfNeeded: word(seed, offset >> 3) >> UInt64((offset & 7) * 8))
    }

    /// A word at a time: a debug build makes some 50 MB a second.
    package static func bytes(_ seed: UInt64, _ range: Range<Int64>) -> [UInt8] {
        var words: [UInt64] = []
        words.reserveCapacity(range.count / 8 + 2)
        var block = range.lowerBound >> 3
        while block * 8 < range.upperBound {
            words.append(word(seed, block).littleEndian)
            block += 1
        }
        let skipped = Int(range.lowerBound & 7)
        return unsafe words.withUnsafeBytes { unsafe Array($0[skipped..<(skipped + range.count)]) }
    }

    /// SplitMix64's mixing of the number of a block of eight bytes.
    private static func word(_ seed: UInt64, _ block: Int64) -> UInt64 {
        var z = seed &+ UInt64(block) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
