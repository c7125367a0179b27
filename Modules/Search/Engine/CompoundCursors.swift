/// The documents that all of some cursors have, but for those that are excluded or not in the ranges.
final class AndCursor: LeapfrogCursor {
    /// What documents must not have.
    enum Exclusion {
        case cursor(Cursor)
        case range(NumberRange)
    }

    /// In the query's order, in which scores are added.
    private let parts: CursorChain?
    private let ranges: [NumberRange]
    private let excluded: [Exclusion]

    /// - Parameter parts: at least one.
    init(_ parts: [Cursor], ranges: [NumberRange], excluded: [Exclusion], gate: Gate?, watch: SearchWatch) {
        self.parts = CursorChain(parts)
        self.ranges = ranges
        self.excluded = excluded
        super.init(parts.sorted { $0.cost < $1.cost }, gate: gate, watch: watch)
        settle()
    }

    override func accepts(_ candidate: UInt32) -> Bool {
        for range in ranges where !range.matches(candidate) { return false }
        for exclusion in excluded {
            switch exclusion {
            case .range(let range): if range.matches(candidate) { return false }
            case .cursor(let cursor):
                cursor.seek(candidate)
                if cursor.document == candidate { return false }
            }
        }
        return true
    }

    override func score() -> Float { parts?.score(0) ?? 0 }

    /// By the blocks of the parts that have not many more documents than the leader: those of the others are so short that
    /// to ask for them takes longer than it saves.
    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        parts?.bound(from: target, cost: cost * 4) ?? (0, Cursor.end)
    }

    override var maximum: Float { parts?.maximum() ?? 0 }
}

/// The documents that any of some cursors has.
final class OrCursor: Cursor {
    /// How the scores of those that have a document become one.
    enum Scoring { case sum, best }

    /// In the query's order, in which scores are added.
    private let parts: [Cursor]
    private let scoring: Scoring

    init(_ parts: [Cursor], scoring: Scoring = .sum) {
        self.parts = parts
        self.scoring = scoring
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

    @inline(__always) private func joined(_ one: Float, _ other: Float) -> Float {
        scoring == .sum ? one + other : max(one, other)
    }

    override func score() -> Float {
        var result: Float = 0
        for part in parts where part.document == document { result = joined(result, part.score()) }
        return result
    }

    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        var result: Float = 0
        var end = Cursor.end
        for part in parts {
            let (maximum, last) = part.bound(from: target)
            result = joined(result, max(maximum, 0))
            end = min(end, last)
        }
        return (result, end)
    }

    override var maximum: Float { parts.reduce(0) { joined($0, max($1.maximum, 0)) } }
}
