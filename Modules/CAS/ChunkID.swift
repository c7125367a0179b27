import MusicFSCore
import MusicFSSystem

/// The name of a chunk: the XXH3-128 of its bytes (D6).
package struct ChunkID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    /// - Returns: nil unless there are 16 bytes, most significant first.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        (high, low) = (word(0..<8), word(8..<16))
    }

    package init(of content: UnsafeRawBufferPointer) {
        (high, low) = unsafe ContentHash.xxh3Words(content)
    }

    package var bytes: [UInt8] {
        [high, low].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// 32 digits.
    package var text: String {
        func digits(_ word: UInt64) -> String {
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(high) + digits(low)
    }

    /// - Returns: nil unless the text is 32 lower-case hexadecimal digits.
    package init?(text: String) {
        guard text.utf8.count == 32, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        (self.high, self.low) = (high, low)
    }
}
