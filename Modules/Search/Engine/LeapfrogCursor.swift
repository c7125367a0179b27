/// The documents that all of some cursors have and that are let through: each cursor in turn goes on to where another is.
class LeapfrogCursor: Cursor {
    /// Those with the fewest documents first.
    private let byCost: [Cursor]
    /// What may leave documents out; for the cursor of a whole query alone.
    final let gate: Gate?
    final let watch: SearchWatch

    /// Subclasses call `settle` when they are made.
    ///
    /// - Parameter parts: at least one.
    init(_ parts: [Cursor], gate: Gate?, watch: SearchWatch) {
        byCost = parts.sorted { $0.cost < $1.cost }
        self.gate = gate
        self.watch = watch
        super.init(cost: byCost.first?.cost ?? 0)
    }

    /// The one with the fewest documents.
    final var leader: Cursor { byCost[0] }

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
        let leader = leader
        while leader.document != Cursor.end, !watch.isOver(after: byCost.count) {
            let candidate = leader.document
            if let last = gate?.lastToSkip(from: candidate, self) {
                if last == Cursor.end { break }
                leader.seek(last + 1)
            } else if let ahead = firstAhead(of: candidate) {
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

    /// Where the first cursor is that has not got the leader's document; nil where all have it.
    private func firstAhead(of candidate: UInt32) -> UInt32? {
        for index in 1..<byCost.count {
            let other = byCost[index]
            other.seek(candidate)
            if other.document != candidate { return other.document }
        }
        return nil
    }
}
