/// The documents that all of some cursors have and that are let through: each cursor in turn goes on to where another is.
class LeapfrogCursor: Cursor {
    /// The one with the fewest documents.
    final let leader: Cursor
    /// Those with fewer documents first.
    private let others: CursorChain?
    private let count: Int
    /// What may leave documents out; for the cursor of a whole query alone.
    final let gate: Gate?
    final let watch: SearchWatch

    /// Subclasses call `settle` when they are made.
    ///
    /// - Parameter byCost: at least one; those with fewer documents first.
    init(_ byCost: [Cursor], gate: Gate?, watch: SearchWatch) {
        leader = byCost[0]
        others = CursorChain(byCost.dropFirst())
        count = byCost.count
        self.gate = gate
        self.watch = watch
        super.init(cost: byCost[0].cost)
    }

    /// Whether the leader's document may belong to these, as far as that is known before the others are asked.
    func isPossible(_ candidate: UInt32) -> Bool { true }

    /// Whether a document that all cursors are at belongs to these.
    func accepts(_ candidate: UInt32) -> Bool { true }

    final override func next() {
        leader.next()
        settle()
    }

    final override func seek(_ target: UInt32) {
        if document >= target { return }
        leader.seek(target)
        settle()
    }

    /// Goes on to the first document from the leader's on.
    final func settle() {
        while leader.document != Cursor.end, !watch.isOver(after: count) {
            let candidate = leader.document
            if let last = gate?.lastToSkip(from: candidate, self) {
                if last == Cursor.end { break }
                leader.seek(last + 1)
            } else if !isPossible(candidate) {
                leader.next()
            } else if let ahead = others?.firstAhead(of: candidate) {
                leader.seek(ahead)
            } else if accepts(candidate) {
                document = candidate
                return
            } else {
                leader.next()
            }
        }
        document = Cursor.end
    }
}
