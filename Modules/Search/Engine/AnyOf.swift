/// The documents of a whole query that any of some cursors has, without those that cannot be among the best.
///
/// This is MaxScore (Turtle and Flood 1995) with the bounds of blocks: the cursors with the least bounds, which together
/// cannot lift a document among the best, are only asked about documents that another one has.
struct AnyOf {
    private struct Part {
        let cursor: Cursor
        /// Where the cursor is.
        var document: UInt32
        /// The place in the query, by which scores are added.
        var place: Int
        /// What its scores are at most, up to the window's end.
        var bound: Float
    }

    private let watch: SearchWatch
    /// Those with the least maxima first.
    private var parts: [Part]
    /// The sum of the bounds of the parts before each, and of all.
    private var sums: [Float]
    /// The first part whose documents are looked at.
    private var first = 0
    private var scores: [Float]
    private var windowStart: UInt32 = 0
    /// The last document that the bounds hold for; the window is to be made when it is before its start.
    private var windowEnd: UInt32 = 0
    private var hasWindow = false
    private var threshold: Float = -.infinity

    /// The score of the document that `next` gave last.
    private(set) var score: Float = 0
    /// Whether something was left out.
    private(set) var leftOut = false

    init(_ cursors: [Cursor], watch: SearchWatch) {
        self.watch = watch
        parts = cursors.enumerated().map { Part(cursor: $1, document: $1.document, place: $0, bound: $1.maximum) }
            .sorted { $0.cursor.maximum < $1.cursor.maximum }
        sums = [Float](repeating: 0, count: cursors.count + 1)
        scores = [Float](repeating: 0, count: cursors.count)
    }

    /// The next document whose score, which is then known, can be among the best.
    mutating func next(_ hits: TopHits, _ segment: Segment) -> UInt32? {
        while !watch.isOver(after: parts.count) {
            if hits.threshold != threshold {
                threshold = hits.threshold
                if hasWindow { part() }
            }
            guard hasWindow || makeWindow() else { return nil }
            var document = Cursor.end
            for index in first..<parts.count { document = min(document, parts[index].document) }
            if document > windowEnd || document == Cursor.end || first == parts.count {
                if windowEnd == Cursor.end { return nil }
                windowStart = windowEnd + 1
                hasWindow = false
                continue
            }
            let isFound = evaluate(document, hits, segment)
            for index in first..<parts.count where parts[index].document == document {
                let cursor = parts[index].cursor
                cursor.next()
                parts[index].document = cursor.document
            }
            if isFound { return document }
            leftOut = true
        }
        return nil
    }

    /// Sums have been added in another order than scores are, and are rounded otherwise.
    private func isTooLow(_ bound: Float) -> Bool { bound * 1.000001 < threshold }

    /// Finds the first part that is looked at with the bounds of the window.
    private mutating func part() {
        var sum: Float = 0
        first = parts.count
        for index in parts.indices {
            sums[index] = sum
            sum += parts[index].bound
            if first == parts.count, !isTooLow(sum) { first = index }
        }
        sums[parts.count] = sum
        if first > 0 { leftOut = true }
    }

    /// - Returns: whether there is another window.
    private mutating func makeWindow() -> Bool {
        while !watch.isOver(after: parts.count) {
            // With the maxima of all documents first: which parts the window is made of.
            for index in parts.indices { parts[index].bound = max(parts[index].cursor.maximum, 0) }
            part()
            if first == parts.count { return false }
            var start = Cursor.end
            windowEnd = Cursor.end
            for index in first..<parts.count {
                let cursor = parts[index].cursor
                if cursor.document < windowStart {
                    cursor.seek(windowStart)
                    parts[index].document = cursor.document
                }
                start = min(start, cursor.document)
            }
            if start == Cursor.end { return false }
            windowStart = start
            for index in first..<parts.count {
                let (maximum, last) = parts[index].cursor.bound(from: start)
                parts[index].bound = max(maximum, 0)
                windowEnd = min(windowEnd, last)
            }
            for index in 0..<first where parts[index].document != Cursor.end {
                let (maximum, last) = parts[index].cursor.bound(from: max(start, parts[index].document))
                if last >= windowEnd { parts[index].bound = max(maximum, 0) }
            }
            let essential = first
            part()
            // A part that was left behind would have to be brought here: it stays behind for this window's length.
            if first < essential { first = essential }
            if first == parts.count {
                if windowEnd == Cursor.end { return false }
                windowStart = windowEnd + 1
                continue
            }
            hasWindow = true
            return true
        }
        return false
    }

    /// Sums the scores of a document that a part at or behind `first` is at.
    private mutating func evaluate(_ document: UInt32, _ hits: TopHits, _ segment: Segment) -> Bool {
        for place in scores.indices { scores[place] = 0 }
        var sum: Float = 0
        for index in first..<parts.count where parts[index].document == document {
            let own = parts[index].cursor.score()
            scores[parts[index].place] = own
            sum += own
        }
        var index = first - 1
        while index >= 0 {
            if isTooLow(sum + sums[index + 1]) { return false }
            if parts[index].document < document {
                let cursor = parts[index].cursor
                // The block's bound is known without unpacking it.
                let (maximum, _) = cursor.bound(from: document)
                if isTooLow(sum + max(maximum, 0) + sums[index]) { return false }
                cursor.seek(document)
                parts[index].document = cursor.document
            }
            if parts[index].document == document {
                let own = parts[index].cursor.score()
                scores[parts[index].place] = own
                sum += own
            }
            index -= 1
        }
        score = scores.reduce(0, +)
        return score >= threshold && hits.couldEnter(score, segment.id(Int(document)))
    }
}
