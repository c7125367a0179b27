/// The documents that all of some cursors have, but for those that are excluded or not in the ranges.
final class AndCursor: Cursor {
    /// In the query's order, in which scores are added.
    private let parts: [Cursor]
    /// The same, those with the fewest documents first.
    private let byCost: [Cursor]
    private let ranges: [RangeCursor]
    private let excluded: [Cursor]
    private let gate: Gate?

    /// - Parameters:
    ///   - parts: at least one.
    ///   - gate: what may leave documents out; for the cursor of a whole query alone.
    init(_ parts: [Cursor], ranges: [RangeCursor], excluded: [Cursor], gate: Gate?) {
        self.parts = parts
        self.gate = gate
        byCost = parts.sorted { $0.cost < $1.cost }
        self.ranges = ranges
        self.excluded = excluded
        super.init(cost: byCost.first?.cost ?? 0)
        settle()
    }

    override func next() {
        byCost[0].next()
        settle()
    }

    override func seek(_ target: UInt32) {
        if document >= target { return }
        byCost[0].seek(target)
        settle()
    }

    private func settle() {
        search: while true {
            let candidate = byCost[0].document
            if candidate == Cursor.end { break }
            if let last = gate?.lastToSkip(from: candidate, self) {
                if last == Cursor.end { break }
                byCost[0].seek(last + 1)
                continue
            }
            for other in byCost.dropFirst() {
                other.seek(candidate)
                if other.document != candidate {
                    if other.document == Cursor.end { break search }
                    byCost[0].seek(other.document)
                    continue search
                }
            }
            if isAllowed(candidate) {
                document = candidate
                return
            }
            byCost[0].next()
        }
        document = Cursor.end
    }

    private func isAllowed(_ candidate: UInt32) -> Bool {
        for range in ranges where !range.matches(candidate) { return false }
        for cursor in excluded {
            cursor.seek(candidate)
            if cursor.document == candidate { return false }
        }
        return true
    }

    override func score() -> Float { parts.reduce(0) { $0 + $1.score() } }

    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        var sum: Float = 0
        var end = Cursor.end
        for part in parts {
            let (maximum, last) = part.bound(from: target)
            // Where one has nothing, there is nothing.
            if maximum < 0 { return (-1, last) }
            sum += maximum
            end = min(end, last)
        }
        return (sum, end)
    }

    /// By the blocks of the part with the fewest documents alone: those of the others are shorter.
    override func coarseBound(from target: UInt32) -> (maximum: Float, last: UInt32)? {
        let (own, last) = byCost[0].bound(from: target)
        if own < 0 { return (-1, last) }
        var sum: Float = 0
        for part in parts { sum += part === byCost[0] ? own : part.maximum }
        return (sum, last)
    }

    override var maximum: Float { parts.reduce(0) { $0 + $1.maximum } }
}

/// The documents that any of some cursors has.
final class OrCursor: Cursor {
    /// In the query's order, in which scores are added.
    private let parts: [Cursor]

    init(_ parts: [Cursor]) {
        self.parts = parts
        super.init(cost: parts.reduce(0) { $0 + $1.cost })
        document = parts.reduce(Cursor.end) { min($0, $1.document) }
    }

    override func next() { seek(document &+ 1) }

    override func seek(_ target: UInt32) {
        if document >= target { return }
        var least = Cursor.end
        for part in parts {
            if part.document < target { part.seek(target) }
            least = min(least, part.document)
        }
        document = least
    }

    override func score() -> Float {
        var sum: Float = 0
        for part in parts where part.document == document { sum += part.score() }
        return sum
    }

    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        var sum: Float = 0
        var end = Cursor.end
        for part in parts {
            let (maximum, last) = part.bound(from: target)
            sum += max(maximum, 0)
            end = min(end, last)
        }
        return (sum, end)
    }

    override var maximum: Float { parts.reduce(0) { $0 + max($1.maximum, 0) } }
}
