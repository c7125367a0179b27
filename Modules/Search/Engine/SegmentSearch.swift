/// Runs a query in one segment.
struct SegmentSearch {
    private let part: SearchSnapshot.Part
    let index: Int
    private let watch: SearchWatch
    /// Whether scores are asked for.
    private var isScored: Bool
    var segment: Segment { part.segment }

    init(_ part: SearchSnapshot.Part, index: Int, isScored: Bool = true, watch: SearchWatch) {
        self.part = part
        self.index = index
        self.isScored = isScored
        self.watch = watch
    }

    // MARK: Cursors

    /// - Returns: nil where nothing matches.
    func cursor(_ node: QueryNode, gate: Gate? = nil) -> Cursor? {
        switch node {
        case .none: return nil
        case .all: return segment.documentCount == 0 ? nil : AllCursor(count: segment.documentCount)
        case .term(let term): return cursor(term)
        case .phrase(let words, let pair, let scorer):
            if let pair, words.allSatisfy({ isCommon($0.term) }) {
                return segment.pair(pair).flatMap { cursor($0, scorer) }
            }
            return phrase(words, scorer, gate)
        case .expansion(let expansion): return cursor(expansion, beside: nil)
        case .range(let field, let range): return numbers(field, range).map(cursor)
        case .and(let nodes): return and(nodes, gate)
        case .or(let nodes):
            let cursors = nodes.compactMap { cursor($0) }
            return cursors.isEmpty ? nil : cursors.count == 1 ? cursors[0] : OrCursor(cursors)
        case .not: return and([node], nil)
        }
    }

    private func cursor(_ term: TermNode) -> TermCursor? {
        term.entries[index].flatMap { cursor($0, term.scorer) }
    }

    private func cursor(_ entry: TermEntry, _ scorer: Scorer?) -> TermCursor? {
        let cursor = TermCursor(decoder(entry), scorer: scorer, norms: segment.norms)
        return cursor.document == Cursor.end ? nil : cursor
    }

    private func isCommon(_ term: TermNode) -> Bool {
        PairLists.isCommon(term.entries[index]?.count ?? 0, of: segment.documentCount)
    }

    /// A phrase by its words, whether or not they are a pair that has a list.
    func phrase(_ words: [(term: TermNode, place: Int)], _ scorer: Scorer, _ gate: Gate?) -> PhraseCursor? {
        var cursors: [(cursor: TermCursor, place: Int)] = []
        for word in words {
            guard let cursor = cursor(word.term) else { return nil }
            cursors.append((cursor, word.place))
        }
        return PhraseCursor(cursors, scorer: scorer, norms: segment.norms, gate: gate, watch: watch)
    }

    func decoder(_ entry: TermEntry) -> PostingsDecoder {
        PostingsDecoder(
            segment.postings(entry), count: entry.count, documentCount: segment.documentCount, watch: watch)
    }

    func numbers(_ field: NumericField, _ range: ClosedRange<Int64>) -> NumberRange? {
        segment.storedRange(field, range).map { NumberRange(segment.column(field), $0) }
    }

    private func cursor(_ range: NumberRange) -> Cursor {
        RangeCursor(range, count: segment.documentCount, watch: watch)
    }

    private func and(_ nodes: [QueryNode], _ gate: Gate?) -> Cursor? {
        var parts = [Cursor?](repeating: nil, count: nodes.count)
        var expansions: [(place: Int, node: ExpansionNode)] = []
        var ranges: [NumberRange] = []
        for (place, node) in nodes.enumerated() {
            switch node {
            case .not: continue
            case .expansion(let expansion): expansions.append((place, expansion))
            case .range(let field, let range):
                guard let numbers = numbers(field, range) else { return nil }
                ranges.append(numbers)
            default:
                guard let cursor = cursor(node) else { return nil }
                parts[place] = cursor
            }
        }
        // Those that stand for the fewest postings first: the others then need not be gathered.
        expansions.sort { $0.node.postings(index) < $1.node.postings(index) }
        for (place, expansion) in expansions {
            guard let cursor = cursor(expansion, beside: Neighbour(parts, nodes)) else { return nil }
            parts[place] = cursor
        }
        let neighbour = Neighbour(parts, nodes)
        var found = parts.compactMap { $0 }
        if found.isEmpty {
            // A range alone is gone through by itself.
            found = [ranges.isEmpty ? AllCursor(count: segment.documentCount) : cursor(ranges.removeFirst())]
        }
        let excluded = exclusions(nodes, beside: neighbour)
        if found.count == 1, ranges.isEmpty, excluded.isEmpty { return found[0] }
        return AndCursor(found, ranges: ranges, excluded: excluded, gate: gate, watch: watch)
    }

    private func exclusions(_ nodes: [QueryNode], beside neighbour: Neighbour?) -> [AndCursor.Exclusion] {
        var search = self
        search.isScored = false
        return nodes.compactMap { node in
            guard case .not(let child) = node else { return nil }
            switch child {
            case .range(let field, let range): return numbers(field, range).map { .range($0) }
            case .expansion(let expansion): return search.cursor(expansion, beside: neighbour).map { .cursor($0) }
            default: return search.cursor(child).map { .cursor($0) }
            }
        }
    }

    /// The documents of an expansion, with the best score of each.
    ///
    /// - Parameter neighbour: what the documents have to have as well: those that have not may be left out, and terms that
    ///   have many more are not gathered, but asked for each.
    private func cursor(_ expansion: ExpansionNode, beside neighbour: Neighbour?) -> Cursor? {
        let limit = neighbour.map { max($0.cost * 4, SegmentFormat.postingsPerBlock * 2) } ?? .max
        var parts: [Cursor] = []
        var union = ExpansionUnion(
            documents: segment.documentCount, isScored: isScored,
            among: neighbour.flatMap { wanted($0, postings: expansion.postings(index)) }, watch: watch)
        for match in expansion.matches[index] {
            let cursor = TermCursor(
                decoder(match.entry), scorer: expansion.scorers[match.scorer], norms: segment.norms)
            if watch.isOver { return nil }
            if match.entry.count > limit {
                if cursor.document != Cursor.end { parts.append(cursor) }
            } else {
                union.add(cursor)
            }
        }
        if let gathered = union.cursor() { parts.append(gathered) }
        return parts.isEmpty ? nil : parts.count == 1 ? parts[0] : OrCursor(parts, scoring: .best)
    }

    /// The documents of a neighbour, a bit each; nil where it has so many that it is of no use.
    private func wanted(_ neighbour: Neighbour, postings: Int) -> [UInt64]? {
        guard neighbour.cost < postings * 2, let cursor = cursor(neighbour.node) else { return nil }
        var union = ExpansionUnion(documents: segment.documentCount, isScored: false, watch: watch)
        if let term = cursor as? TermCursor { union.add(term) } else { union.add(all: cursor) }
        return union.bits
    }

    /// The part of a query that has the fewest documents, of those that a document must have.
    private struct Neighbour {
        let node: QueryNode
        let cost: Int

        /// - Parameter parts: the cursors of the nodes, as far as they are made.
        init?(_ parts: [Cursor?], _ nodes: [QueryNode]) {
            var least: (node: QueryNode, cost: Int)?
            for (part, node) in zip(parts, nodes) {
                if let part, part.cost < least?.cost ?? .max { least = (node, part.cost) }
            }
            guard let least else { return nil }
            (node, cost) = least
        }
    }

    // MARK: Searching

    private func isDeleted(_ document: UInt32) -> Bool { part.deletions?.contains(Int(document)) ?? false }

    /// The ids of all that match, ascending, at most so many.
    func ids(_ node: QueryNode, limit: Int) -> [Int64] {
        guard let cursor = cursor(node) else { return [] }
        var ids: [Int64] = []
        while cursor.document != Cursor.end, ids.count < limit, !watch.isOver(after: 1) {
            if !isDeleted(cursor.document) { ids.append(segment.id(Int(cursor.document))) }
            cursor.next()
        }
        return ids
    }

    /// Adds what matches to the best hits.
    ///
    /// - Parameter countsAll: whether everything that matches is gone through, to be counted.
    func run(_ node: QueryNode, countsAll: Bool, _ hits: inout TopHits, _ count: inout MatchCount) {
        // Term by term the best are looked up among the best for each document: few can be.
        if !countsAll, hits.limit <= SegmentFormat.postingsPerBlock, case .expansion(let expansion) = node {
            return run(expansion, &hits, &count)
        }
        if !countsAll, case .or(let nodes) = node {
            let cursors = nodes.compactMap { cursor($0) }
            if cursors.count > 1 { return runAny(cursors, &hits, &count) }
        }
        let gate = countsAll ? nil : Gate(segment, hits)
        guard let cursor = cursor(node, gate: gate) else {
            if gate?.wasUsed == true { count.isExact = false }
            return
        }
        if !countsAll, let term = cursor as? TermCursor, term.scorer != nil {
            return run(term, &hits, &count, isShared: false)
        }
        while cursor.document != Cursor.end, !watch.isOver(after: 1) {
            let document = cursor.document
            if let last = gate?.lastToSkip(from: document, cursor) {
                if last == Cursor.end { break }
                cursor.seek(last + 1)
                continue
            }
            if !isDeleted(document) {
                count.found += 1
                let score = cursor.score()
                // The id is in memory that mostly nothing else has touched.
                if score >= hits.threshold {
                    hits.insert(SearchHit(id: segment.id(Int(document)), score: score))
                    gate?.update(hits)
                }
            }
            cursor.next()
        }
        if gate?.wasUsed == true { count.isExact = false }
    }

    private func runAny(_ cursors: [Cursor], _ hits: inout TopHits, _ count: inout MatchCount) {
        var anyOf = AnyOf(cursors, watch: watch)
        while let document = anyOf.next(hits, segment) {
            if isDeleted(document) { continue }
            count.found += 1
            hits.insert(SearchHit(id: segment.id(Int(document)), score: anyOf.score))
        }
        if anyOf.leftOut { count.isExact = false }
    }

    /// One term: whole blocks are left out, by their bounds.
    ///
    /// - Parameter isShared: whether other terms may have found a document already.
    private func run(_ cursor: TermCursor, _ hits: inout TopHits, _ count: inout MatchCount, isShared: Bool) {
        let decoder = cursor.decoder
        guard let scorer = cursor.scorer else { return }
        let all = scorer.mask == PostingCode.fields
        for block in 0..<decoder.blockCount {
            if hits.isFull {
                let bound = cursor.bound(ofBlock: block)
                if bound < hits.threshold {
                    count.isExact = false
                    continue
                }
                let first = block == 0 ? 0 : Int(decoder.last(block - 1)) + 1
                if !hits.couldEnter(bound, segment.id(first)) {
                    count.isExact = false
                    continue
                }
            }
            decoder.load(block)
            if watch.isOver { return }
            decoder.loadCodes()
            for index in 0..<decoder.length {
                if !all && decoder.code(index) & scorer.mask == 0 { continue }
                let document = unsafe decoder.documents[index]
                let score = cursor.score(index)
                if score >= hits.threshold || !isShared {
                    if isDeleted(document) { continue }
                    if !isShared { count.found += 1 }
                    if score < hits.threshold { continue }
                    let hit = SearchHit(id: segment.id(Int(document)), score: score)
                    if isShared { hits.insertOrImprove(hit) } else { hits.insert(hit) }
                }
            }
        }
    }

    /// An expansion alone: term by term, since a document counts its best term only.
    private func run(_ expansion: ExpansionNode, _ hits: inout TopHits, _ count: inout MatchCount) {
        var found = 0
        for match in expansion.matches[index] {
            let scorer = expansion.scorers[match.scorer]
            found = max(found, match.entry.count)
            if scorer.maximum < hits.threshold { continue }
            if watch.isOver { return }
            let cursor = TermCursor(decoder(match.entry), scorer: scorer, norms: segment.norms)
            if cursor.document == Cursor.end { continue }
            run(cursor, &hits, &count, isShared: true)
        }
        count.isExact = false
        // Of one term all documents match, unless the fields or the deletions take some away.
        let isWhole = expansion.scorers.first?.mask == PostingCode.fields
        count.found += isWhole ? max(found - (part.deletions?.count ?? 0), 0) : 0
    }
}

/// How many documents were found to match.
struct MatchCount {
    var found = 0
    /// Whether there are no others.
    var isExact = true
}
