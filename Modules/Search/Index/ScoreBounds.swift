import MusicFSCore

/// What the best documents of a block look like, whatever the weights of the fields: for each, how often the term is in
/// each field and how long the field is. No document of the block has a greater score than the best of them.
///
/// At most `capacity` are kept; of more, some are made one that has the best of each.
struct ScoreBounds {
    static let capacity = 6

    struct Entry: Hashable {
        var mask: UInt8
        /// By field: how often, and the length's code.
        var counts: SIMD8<UInt8>
        var lengths: SIMD8<UInt8>

        /// Whether this is at least as good as `other`, field by field.
        @inline(__always) func covers(_ other: Entry) -> Bool {
            // Where a field is not, the count is 0 and the length 255.
            mask & other.mask == other.mask && !any(counts .< other.counts) && !any(lengths .> other.lengths)
        }
    }

    private(set) var entries: [Entry] = []

    mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

    mutating func add(_ code: UInt8, _ counts: UnsafeRawBufferPointer, _ norms: ArraySlice<UInt8>) {
        let mask = code & PostingCode.fields
        var entry = Entry(mask: mask, counts: SIMD8(repeating: 0), lengths: SIMD8(repeating: 255))
        for field in 0..<TextField.count where mask & 1 << UInt8(field) != 0 {
            entry.counts[field] = unsafe counts[field]
            entry.lengths[field] = norms[norms.startIndex + field]
        }
        add(entry)
    }

    mutating func add(_ other: ScoreBounds) { for entry in other.entries { add(entry) } }

    private mutating func add(_ entry: Entry) {
        for known in entries where known.covers(entry) { return }
        entries.removeAll { entry.covers($0) }
        if entries.count < ScoreBounds.capacity {
            entries.append(entry)
            return
        }
        // The one of the same fields, where there is one: the loss is least.
        let index = entries.firstIndex { $0.mask == entry.mask } ?? entries.count - 1
        var merged = entries.remove(at: index)
        merged.mask |= entry.mask
        merged.counts = pointwiseMax(merged.counts, entry.counts)
        merged.lengths = pointwiseMin(merged.lengths, entry.lengths)
        entries.removeAll { merged.covers($0) }
        entries.append(merged)
    }

    /// How many there are (u8), then for each its mask (u8) and per field of it the count and the length's code (u8 each).
    func write(to writer: inout ByteWriter) {
        writer.u8(UInt8(entries.count))
        for entry in entries {
            writer.u8(entry.mask)
            for field in 0..<TextField.count where entry.mask & 1 << UInt8(field) != 0 {
                writer.u8(entry.counts[field])
                writer.u8(entry.lengths[field])
            }
        }
    }
}
