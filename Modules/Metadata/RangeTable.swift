/// Which bytes of a file are there: ranges in their order, which neither touch nor overlap.
package struct RangeTable: Hashable, Sendable {
    package private(set) var ranges: [Range<Int64>] = []

    package init() {}

    package mutating func insert(_ range: Range<Int64>) {
        if range.isEmpty { return }
        var merged = range
        // All that overlap it or touch it become one with it.
        let first = ranges.firstIndex { $0.upperBound >= range.lowerBound } ?? ranges.count
        var end = first
        while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
            merged = min(merged.lowerBound, ranges[end].lowerBound)..<max(merged.upperBound, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: CollectionOfOne(merged))
    }

    /// The parts of a range that are not there, in their order.
    package func missing(in range: Range<Int64>) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        var start = range.lowerBound
        for present in ranges {
            if present.lowerBound >= range.upperBound { break }
            if present.upperBound <= start { continue }
            if present.lowerBound > start { result.append(start..<present.lowerBound) }
            start = present.upperBound
        }
        if start < range.upperBound { result.append(start..<range.upperBound) }
        return result
    }
}
