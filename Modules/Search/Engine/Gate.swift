/// What a document must reach to be among the best, known to the cursor of a whole query: it leaves out blocks before it
/// looks into them.
final class Gate {
    private let segment: Segment
    private var isFull = false
    private var worst = SearchHit(id: .max, score: -.infinity)
    /// Up to where the bounds were looked at.
    private var checked: UInt32 = 0
    /// Whether something was left out.
    private(set) var wasUsed = false

    init(_ segment: Segment, _ hits: TopHits) {
        self.segment = segment
        update(hits)
    }

    func update(_ hits: TopHits) {
        guard hits.isFull, let worst = hits.worst else { return }
        if !isFull || worst != self.worst {
            // What was good enough before may not be now.
            checked = 0
        }
        isFull = true
        self.worst = worst
    }

    /// The last of the documents from `document` on that cannot be among the best; nil where this one can.
    @inline(__always) func lastToSkip(from document: UInt32, _ cursor: Cursor) -> UInt32? {
        guard isFull, document >= checked else { return nil }
        // Bounds are added in the order in which scores are, so that rounding makes no bound less than a score.
        let (maximum, last) = cursor.bound(from: document)
        if isTooLow(maximum, document) { return last }
        checked = last == Cursor.end ? Cursor.end : last + 1
        return nil
    }

    /// Whether a document with at most this score, and all behind it, are left out.
    @inline(__always) func isTooLow(_ maximum: Float, _ document: UInt32) -> Bool {
        guard isFull, maximum <= worst.score,
            maximum < worst.score || segment.id(Int(document)) >= worst.id
        else { return false }
        wasUsed = true
        return true
    }
}
