import MusicFSCore
import MusicFSSystem

/// Which documents of a segment are no more: a bit for each.
///
/// Its file is the count (u32), the bits, 64 at a time, and the XXH3-128 of all of it.
struct Deletions: Hashable, Sendable {
    private(set) var words: [UInt64]
    private(set) var count = 0

    init(documents: Int) { words = [UInt64](repeating: 0, count: (documents + 63) / 64) }

    @inline(__always) func contains(_ document: Int) -> Bool {
        words[document >> 6] & 1 << UInt64(document & 63) != 0
    }

    /// - Returns: whether it was there until now.
    @discardableResult
    mutating func insert(_ document: Int) -> Bool {
        if contains(document) { return false }
        words[document >> 6] |= 1 << UInt64(document & 63)
        count += 1
        return true
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.u32(UInt32(count))
        for word in words { writer.u64(word) }
        writer.append(ContentHash.xxh3(writer.bytes))
        return writer.bytes
    }

    /// - Returns: nil for what was not written for a segment of so many documents.
    init?(bytes: [UInt8], documents: Int) {
        self.init(documents: documents)
        guard bytes.count == 4 + words.count * 8 + 16 else { return nil }
        guard ContentHash.xxh3(Array(bytes.dropLast(16))) == Array(bytes.suffix(16)) else { return nil }
        Bytes.reading(bytes) { source in
            for index in words.indices { words[index] = source.u64(4 + index * 8) }
            count = Int(source.u32(0))
        }
        // A bit behind the last document would be counted for nothing.
        if documents & 63 != 0, let last = words.last, last >> UInt64(documents & 63) != 0 { return nil }
        guard count == words.reduce(0, { $0 + $1.nonzeroBitCount }) else { return nil }
    }
}
