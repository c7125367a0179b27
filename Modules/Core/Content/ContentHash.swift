import CXXHash

/// XXH3 with 128 bits, the hash of all content in MusicFS (xxhash.com).
package enum ContentHash {
    /// - Returns: 16 bytes in the canonical, big-endian order.
    package static func xxh3(_ bytes: [UInt8]) -> [UInt8] {
        let words = unsafe bytes.withUnsafeBytes { unsafe xxh3Words($0) }
        return [words.high, words.low].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// The hash as two words, the more significant one first.
    package static func xxh3Words(_ bytes: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64) {
        let hash = unsafe XXH3_128bits(bytes.baseAddress, bytes.count)
        return (hash.high64, hash.low64)
    }
}
