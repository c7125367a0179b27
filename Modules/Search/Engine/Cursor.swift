/// Goes through the documents of one segment that match a part of a query, in their order. Deleted ones are among them.
class Cursor {
    static let end = UInt32.max

    /// The present document; `end` behind the last one. A new cursor is at its first one.
    final var document: UInt32 = 0
    /// About how many documents there are.
    final let cost: Int

    init(cost: Int) { self.cost = cost }

    func next() { seek(document &+ 1) }

    /// Goes to the first document from `target` on; never back.
    func seek(_ target: UInt32) { document = Cursor.end }

    /// The score of the present document.
    func score() -> Float { 0 }

    /// What no score is above, for the documents from `target` (not before the present one) to `last`.
    func bound(from target: UInt32) -> (maximum: Float, last: UInt32) { (0, Cursor.end) }

    /// As `bound`, less exact, but for more documents and in less time; nil where there is none such.
    func coarseBound(from target: UInt32) -> (maximum: Float, last: UInt32)? { nil }

    /// What no score is above.
    var maximum: Float { 0 }
}

/// Every document.
final class AllCursor: Cursor {
    private let count: UInt32

    init(count: Int) {
        self.count = UInt32(count)
        super.init(cost: count)
        document = count == 0 ? Cursor.end : 0
    }

    override func seek(_ target: UInt32) { document = target < count ? target : Cursor.end }
}

/// The documents whose number is in a range.
final class RangeCursor: Cursor {
    private let count: Int
    private let width: Int
    private let values: Bytes
    private let range: ClosedRange<UInt64>

    init(_ column: Segment.Column, _ range: ClosedRange<UInt64>, count: Int) {
        self.count = count
        width = column.width
        values = column.values
        self.range = range
        super.init(cost: count)
        seek(0)
    }

    @inline(__always) func matches(_ document: UInt32) -> Bool {
        range.contains(values.packed(Int(document), width: width))
    }

    override func seek(_ target: UInt32) {
        var at = Int(target)
        while at < count {
            if range.contains(values.packed(at, width: width)) {
                document = UInt32(at)
                return
            }
            at += 1
        }
        document = Cursor.end
    }
}

/// Documents with scores that are known.
final class ListCursor: Cursor {
    private let documents: [UInt32]
    private let scores: [Float]
    private var index = 0
    private let best: Float
    /// The greatest score of every 128.
    private let blocks: [Float]

    init(_ documents: [UInt32], _ scores: [Float]) {
        self.documents = documents
        self.scores = scores
        best = scores.max() ?? 0
        blocks = stride(from: 0, to: scores.count, by: 128).map { start in
            scores[start..<min(start + 128, scores.count)].max() ?? 0
        }
        super.init(cost: documents.count)
        document = documents.first ?? Cursor.end
    }

    override func next() {
        index += 1
        document = index < documents.count ? documents[index] : Cursor.end
    }

    override func seek(_ target: UInt32) {
        if document >= target { return }
        index = place(target)
        document = index < documents.count ? documents[index] : Cursor.end
    }

    /// Gallops from the present place.
    private func place(_ target: UInt32) -> Int {
        var low = index
        var step = 1
        while low + step < documents.count, documents[low + step] < target {
            low += step
            step *= 2
        }
        var high = min(low + step, documents.count)
        while low < high {
            let middle = (low + high) / 2
            if documents[middle] < target { low = middle + 1 } else { high = middle }
        }
        return low
    }

    override func score() -> Float { scores[index] }

    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        let at = place(target)
        guard at < documents.count else { return (-1, Cursor.end) }
        let block = at / 128
        let end = min(block * 128 + 128, documents.count)
        return (blocks[block], end == documents.count ? Cursor.end : documents[end - 1])
    }

    override var maximum: Float { best }
}
