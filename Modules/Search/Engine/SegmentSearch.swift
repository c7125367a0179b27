/// Runs a query in one segment.
struct SegmentSearch {
    private let part: SearchSnapshot.Part
    private let index: Int
    private let damage: SegmentDamage
    private var segment: Segment { part.segment }

    init(_ part: SearchSnapshot.Part, index: Int, damage: SegmentDamage) {
        self.part = part
        self.index = index
        self.damage = damage
    }

    // MARK: Cursors

    /// - Returns: nil where nothing matches.
    func cursor(_ node: QueryNode, gate: Gate? = nil) -> Cursor? {
        switch node {
        case .none: return nil
        case .all: return segment.documentCount == 0 ? nil : AllCursor(count: segment.documentCount)
        case .term(let term): return cursor(term)
        case .phrase(let words, let scorer):
            var cursors: [(cursor: TermCursor, place: Int)] = []
            for word in words {
                guard let cursor = cursor(word.term) else { return nil }
                cursors.append((cursor, word.place))
            }
            return PhraseCursor(cursors, scorer: scorer, norms: segment.norms, gate: gate)
        case .expansion(let expansion): return list(expansion)
        case .range(let field, let range):
            guard let stored = segment.storedRange(field, range) else { return nil }
            return RangeCursor(segment.column(field), stored, count: segment.documentCount)
        case .and(let nodes): return and(nodes, gate)
        case .or(let nodes):
            let cursors = nodes.compactMap { cursor($0) }
            return cursors.isEmpty ? nil : cursors.count == 1 ? cursors[0] : OrCursor(cursors)
        case .not: return and([node], nil)
        }
    }

    private func cursor(_ term: TermNode) -> TermCursor? {
        guard let entry = term.entries[index] else { return nil }
        let cursor = TermCursor(decoder(entry), scorer: term.scorer, norms: segment.norms)
        return cursor.document == Cursor.end ? nil : cursor
    }

    private func decoder(_ entry: TermEntry) -> PostingsDecoder {
        PostingsDecoder(
            segment.postings(entry), count: entry.count, documentCount: segment.documentCount, damage: damage)
    }

    private func and(_ nodes: [QueryNode], _ gate: Gate?) -> Cursor? {
        var parts: [Cursor] = []
        var ranges: [RangeCursor] = []
        var excluded: [Cursor] = []
        for node in nodes {
            if case .not(let child) = node {
                if let cursor = cursor(child) { excluded.append(cursor) }
                continue
            }
            guard let cursor = cursor(node) else { return nil }
            if let range = cursor as? RangeCursor { ranges.append(range) } else { parts.append(cursor) }
        }
        if parts.isEmpty {
            // A range alone is gone through by itself.
            if ranges.isEmpty {
                parts = [AllCursor(count: segment.documentCount)]
            } else {
                parts = [ranges.removeFirst()]
            }
        }
        if parts.count == 1, ranges.isEmpty, excluded.isEmpty { return parts[0] }
        return AndCursor(parts, ranges: ranges, excluded: excluded, gate: gate)
    }

    /// The documents of an expansion with the best score of each.
    private func list(_ expansion: ExpansionNode) -> Cursor? {
        // Scores are at least 0; less is none.
        var best = [Float](repeating: -1, count: segment.documentCount)
        var documents: [UInt32] = []
        for match in expansion.matches[index] {
            let cursor = TermCursor(
                decoder(match.entry), scorer: expansion.scorers[match.scorer], norms: segment.norms)
            while cursor.document != Cursor.end {
                let document = Int(cursor.document)
                if best[document] < 0 { documents.append(cursor.document) }
                best[document] = max(best[document], cursor.score())
                cursor.next()
            }
        }
        if documents.isEmpty { return nil }
        documents.sort()
        return ListCursor(documents, documents.map { best[Int($0)] })
    }

    // MARK: Searching

    private func isDeleted(_ document: UInt32) -> Bool { part.deletions?.contains(Int(document)) ?? false }

    /// Adds what matches to the best hits.
    ///
    /// - Parameter countsAll: whether everything that matches is gone through, to be counted.
    func run(_ node: QueryNode, countsAll: Bool, _ hits: inout TopHits, _ count: inout MatchCount) {
        if !countsAll, case .expansion(let expansion) = node { return run(expansion, &hits, &count) }
        if !countsAll, case .or(let nodes) = node {
            let cursors = nodes.compactMap { cursor($0) }
            if cursors.count > 1 { return run(AnyOf(cursors), &hits, &count) }
        }
        let gate = countsAll ? nil : Gate(segment, hits)
        guard let cursor = cursor(node, gate: gate) else {
            if gate?.wasUsed == true { count.isExact = false }
            return
        }
        if !countsAll, let term = cursor as? TermCursor, term.scorer != nil {
            return run(term, &hits, &count, isShared: false)
        }
        while cursor.document != Cursor.end {
            let document = cursor.document
            if let last = gate?.lastToSkip(from: document, cursor) {
                if last == Cursor.end { break }
                cursor.seek(last + 1)
                continue
            }
            if !isDeleted(document) {
                count.found += 1
                let hit = SearchHit(id: segment.id(Int(document)), score: cursor.score())
                if hits.couldEnter(hit.score, hit.id) {
                    hits.insert(hit)
                    gate?.update(hits)
                }
            }
            cursor.next()
        }
        if gate?.wasUsed == true { count.isExact = false }
    }

    private func run(_ anyOf: AnyOf, _ hits: inout TopHits, _ count: inout MatchCount) {
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
