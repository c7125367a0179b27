import CXXHash

/// XXH3 with 128 bits, the hash of all content in MusicFS (xxhash.com).
package enum ContentHash {
    /// - Returns: 16 bytes in the canonical, big-endian order.
    package static func xxh3(_ bytes: [UInt8]) -> [UInt8] {
        let hash = unsafe bytes.withUnsafeBytes { unsafe XXH3_128bits($0.baseAddress, $0.count) }
        return [hash.high64, hash.low64].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }
}
