/// Where a file's chunks begin and end: head, payload and tail in pieces of 64 KiB, each part from its own start, so
/// that the payload's chunks stay the same when a tag before it grows (D5).
package struct ChunkGrid: Hashable, Sendable {
    package let size: Int64
    /// Where the audio lies; nil where that is not known, and chunks are counted from the file's start.
    package let payload: Range<Int64>?

    package static let chunkSize: Int64 = 64 << 10

    package init(size: Int64, payload: Range<Int64>?) {
        self.size = max(0, size)
        // A layout that does not fit the file says nothing.
        self.payload = payload.flatMap { $0.lowerBound >= 0 && $0.upperBound <= size ? $0 : nil }
    }

    /// The chunk that holds the byte at `offset`, which lies in the file.
    package func chunk(at offset: Int64) -> Range<Int64> {
        let part = part(at: offset)
        let start = part.lowerBound + (offset - part.lowerBound) / Self.chunkSize * Self.chunkSize
        return start..<(start + min(Self.chunkSize, part.upperBound - start))
    }

    /// The range with the chunks completed that it begins and ends in.
    package func rounded(_ range: Range<Int64>) -> Range<Int64> {
        let clamped = range.clamped(to: 0..<size)
        if clamped.isEmpty { return clamped }
        return chunk(at: clamped.lowerBound).lowerBound..<chunk(at: clamped.upperBound - 1).upperBound
    }

    /// The chunk at `offset`, which lies in the file, with those after it that `most` bytes have room for.
    func chunks(from offset: Int64, most: Int64) -> Range<Int64> {
        let first = chunk(at: offset)
        if most >= size - first.lowerBound { return first.lowerBound..<size }
        let end = chunk(at: first.lowerBound + max(most, 0)).lowerBound
        return first.lowerBound..<max(end, first.upperBound)
    }

    /// How many chunks, and parts of chunks, a range has.
    package func count(in range: Range<Int64>) -> Int {
        var count = 0
        var position = max(range.lowerBound, 0)
        while position < min(range.upperBound, size) {
            count += 1
            position = chunk(at: position).upperBound
        }
        return count
    }

    private func part(at offset: Int64) -> Range<Int64> {
        guard let payload else { return 0..<size }
        if offset < payload.lowerBound { return 0..<payload.lowerBound }
        return offset < payload.upperBound ? payload : payload.upperBound..<size
    }
}
