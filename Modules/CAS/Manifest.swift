package import MusicFSCore

/// Which chunks make up a content version, as far as they are stored.
package struct Manifest: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        /// Where in the file the chunk begins.
        package var offset: Int64
        package var length: Int
        package var id: ChunkID
        package var place: ChunkPlace

        package var end: Int64 { offset + Int64(length) }

        package init(offset: Int64, length: Int, id: ChunkID, place: ChunkPlace) {
            self.offset = offset
            self.length = length
            self.id = id
            self.place = place
        }
    }

    /// In the order of their offsets; none overlap.
    package private(set) var entries: [Entry] = []

    package init() {}

    /// - Parameter entries: in any order; of two that overlap the earlier one counts.
    package init(_ entries: [Entry]) {
        for entry in entries.sorted(by: { $0.offset < $1.offset }) where entry.length > 0 {
            if let last = self.entries.last, last.end > entry.offset { continue }
            self.entries.append(entry)
        }
    }

    /// The entry that holds the byte at `offset`, or else where the next one begins (`.max` for none).
    package func entry(at offset: Int64) -> (entry: Entry?, next: Int64) {
        let index = position(after: offset)
        if index > 0, entries[index - 1].end > offset { return (entries[index - 1], entries[index - 1].end) }
        return (nil, index < entries.count ? entries[index].offset : .max)
    }

    /// Adds an entry unless something is known there already.
    package mutating func insert(_ entry: Entry) {
        let index = position(after: entry.offset)
        if index > 0, entries[index - 1].end > entry.offset { return }
        if index < entries.count, entries[index].offset < entry.end { return }
        entries.insert(entry, at: index)
    }

    package mutating func remove(_ entry: Entry) {
        let index = position(after: entry.offset) - 1
        if index >= 0, entries[index] == entry { entries.remove(at: index) }
    }

    package var bytes: Int64 { entries.reduce(0) { $0 + Int64($1.length) } }

    /// How many entries begin at or before `offset`.
    private func position(after offset: Int64) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// What a content version is, beside its chunks.
package struct VersionInfo: Hashable, Sendable {
    package var key: ContentKey
    package var size: Int64
    package var payload: Range<Int64>?
    /// The configuration's id of the origin that it came from.
    package var origin: String

    package init(key: ContentKey, size: Int64, payload: Range<Int64>?, origin: String) {
        self.key = key
        self.size = size
        self.payload = payload
        self.origin = origin
    }

    package var grid: ChunkGrid { ChunkGrid(size: size, payload: payload) }
}
