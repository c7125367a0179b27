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

    override func seek(_ target: UInt32) { if document < target { document = target < count ? target : Cursor.end } }
}

/// Which documents have a number in a range.
struct NumberRange {
    private let width: Int
    private let values: Bytes
    private let range: ClosedRange<UInt64>

    init(_ column: Segment.Column, _ range: ClosedRange<UInt64>) {
        width = column.width
        values = column.values
        self.range = range
    }

    @inline(__always) func matches(_ document: UInt32) -> Bool {
        range.contains(values.packed(Int(document), width: width))
    }
}

/// The documents whose number is in a range.
final class RangeCursor: Cursor {
    let range: NumberRange
    private let count: UInt32
    private let watch: SearchWatch

    init(_ range: NumberRange, count: Int, watch: SearchWatch) {
        self.range = range
        self.count = UInt32(count)
        self.watch = watch
        super.init(cost: count)
        find(from: 0)
    }

    override func next() { if document != Cursor.end { find(from: document &+ 1) } }

    override func seek(_ target: UInt32) { if document < target { find(from: target) } }

    private func find(from target: UInt32) {
        var at = target
        while at < count {
            // In pieces, between which the time is looked at.
            let end = count - at > 1024 ? at + 1024 : count
            let start = at
            while at < end, !range.matches(at) { at += 1 }
            if watch.isOver(after: Int(at - start)) { break }
            if at < end {
                document = at
                return
            }
        }
        document = Cursor.end
    }
}
