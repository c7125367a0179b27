import CXXHash
package import MusicFSSystem

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

    /// The hash of a whole file, which is read a part at a time: a disk that fails is an error, as it is not where a mapped
    /// file is read.
    package static func xxh3Words(of file: FilePath) throws(SystemError) -> (high: UInt64, low: UInt64) {
        let file = try open(file, [.read])
        // Unsafe: the library's state has an address of its own; it is freed on every way out.
        guard let state = unsafe XXH3_createState() else { throw SystemError("malloc", nil, .noMemory) }
        defer { unsafe XXH3_freeState(state) }
        unsafe XXH3_128bits_reset(state)
        var offset: Int64 = 0
        while true {
            let part = try readFully(file.raw, at: offset, count: 256 << 10)
            if part.isEmpty { break }
            unsafe part.withUnsafeBytes { unsafe _ = XXH3_128bits_update(state, $0.baseAddress, $0.count) }
            offset += Int64(part.count)
        }
        let hash = unsafe XXH3_128bits_digest(state)
        return (hash.high64, hash.low64)
    }
}
