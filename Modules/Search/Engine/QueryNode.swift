/// A query for the segments of one snapshot: terms are looked up, and what counts for their scores is known.
indirect enum QueryNode {
    case none
    case all
    case term(TermNode)
    /// With the name of a pair where it is two words, one behind the other; see `PairLists`.
    case phrase([(term: TermNode, place: Int)], pair: [UInt8]?, Scorer)
    case expansion(ExpansionNode)
    case range(NumericField, ClosedRange<Int64>)
    case and([QueryNode])
    case or([QueryNode])
    case not(QueryNode)
}

/// A term, and where it is in each segment.
final class TermNode {
    let entries: [TermEntry?]
    /// nil for a keyword.
    let scorer: Scorer?

    init(entries: [TermEntry?], scorer: Scorer?) {
        self.entries = entries
        self.scorer = scorer
    }
}

/// Several terms, of which a document counts the best.
final class ExpansionNode {
    struct Match {
        var entry: TermEntry
        /// How much a posting of it counts, by the place in `ExpansionNode.scorers`.
        var scorer: Int
    }

    /// By segment.
    let matches: [[Match]]
    let scorers: [Scorer]
    /// Whether there were more terms than are looked at.
    let isTruncated: Bool

    /// How many postings it stands for in a segment.
    func postings(_ segment: Int) -> Int { matches[segment].reduce(0) { $0 + $1.entry.count } }

    init(matches: [[Match]], scorers: [Scorer], isTruncated: Bool) {
        self.matches = matches
        self.scorers = scorers
        self.isTruncated = isTruncated
    }
}

/// Makes nodes of a query.
struct QueryPlanner {
    /// More terms than this in a segment are not looked at for one word.
    static let maximumExpansions = 65_536
    private static let allFields = PostingCode.fields

    private let snapshot: SearchSnapshot
    private let weights: FieldWeights
    private let documents: Int
    private let averages: [Float]
    private let watch: SearchWatch

    init(_ snapshot: SearchSnapshot, weights: FieldWeights, watch: SearchWatch) {
        self.snapshot = snapshot
        self.weights = weights
        self.watch = watch
        let count = snapshot.parts.reduce(0) { $0 + $1.segment.documentCount }
        documents = count
        averages = (0..<TextField.count).map { field in
            let words = snapshot.parts.reduce(UInt64(0)) { $0 &+ $1.segment.lengths[field] }
            return Float(Double(words) / Double(max(count, 1)))
        }
    }

    func node(_ query: SearchQuery) -> QueryNode {
        switch query {
        case .all: return .all
        case .term(let field, let text): return words(field, text)
        case .phrase(let field, let text): return words(field, text)
        case .prefix(let field, let text): return prefix(field, text)
        case .fuzzy(let field, let text, let distance): return fuzzy(field, text, distance)
        case .range(let field, let range): return .range(field, range)
        case .keyword(let field, let value):
            let entries = entries(Term.keyword(field, value))
            return entries.allSatisfy { $0 == nil } ? .none : .term(TermNode(entries: entries, scorer: nil))
        case .and(let children):
            // None at all ask for nothing.
            return children.isEmpty ? .all : .and(children.map(node))
        case .or(let children): return .or(children.map(node))
        case .not(let child): return .not(node(child))
        }
    }

    // MARK: Words

    private func words(_ field: TextField?, _ text: String) -> QueryNode {
        let analyzed = Analyzer.analyze(text, for: .query)
        let words = analyzed.words.filter { $0.kind != .exact }
        guard let first = words.first else { return .none }
        if words.count == 1 {
            let term = analyzed.term(first)
            if first.kind == .single { return expansion(field, term) { self.prefixMatches(term, $0) } }
            let folded = self.term(field, term)
            guard let exact = analyzed.words.first(where: { $0.kind == .exact }) else { return folded }
            return .or([folded, self.term(field, analyzed.term(exact))])
        }
        var parts: [(term: TermNode, place: Int)] = []
        var idf: Float = 0
        for word in words {
            guard case .term(let node) = term(field, analyzed.term(word)) else { return .none }
            idf += (node.scorer?.maximum ?? 0) / (Ranking.k1 + 1)
            parts.append((node, word.position))
        }
        let isPair = words.count == 2 && words[1].position == words[0].position + 1
        let pair = isPair ? PairLists.name(analyzed.term(words[0]), analyzed.term(words[1])) : nil
        return .phrase(parts, pair: pair, scorer(field, idf: idf))
    }

    private func entries(_ term: [UInt8]) -> [TermEntry?] { snapshot.parts.map { $0.segment.entry(term) } }

    private func term(_ field: TextField?, _ bytes: [UInt8]) -> QueryNode {
        let entries = entries(bytes)
        var count = 0
        for (part, entry) in zip(snapshot.parts, entries) {
            guard let entry else { continue }
            count += field.map { decoder(part.segment, entry).fieldCount($0) } ?? entry.count
        }
        if count == 0 { return .none }
        let idf = Ranking.idf(documents: documents, having: count)
        return .term(TermNode(entries: entries, scorer: scorer(field, idf: idf)))
    }

    private func decoder(_ segment: Segment, _ entry: TermEntry) -> PostingsDecoder {
        PostingsDecoder(
            segment.postings(entry), count: entry.count, documentCount: segment.documentCount, watch: watch)
    }

    private func scorer(_ field: TextField?, idf: Float) -> Scorer {
        Scorer(idf: idf, table: snapshot.tables.table(field, weights) { self.makeTable(field) })
    }

    /// In one field alone a word's weight is 1.
    private func makeTable(_ field: TextField?) -> ScoreTable {
        ScoreTable(
            mask: field.map { 1 << $0.rawValue } ?? QueryPlanner.allFields,
            weights: field == nil ? weights.values : SIMD8(repeating: 1), averages: averages)
    }

    // MARK: Expansions

    private func prefix(_ field: TextField?, _ text: String) -> QueryNode {
        let analyzed = Analyzer.analyze(text, for: .query)
        let words = analyzed.words.filter { $0.kind != .exact }
        guard let last = words.last else { return .none }
        let beginning = analyzed.term(last)
        let node = expansion(field, beginning) { self.prefixMatches(beginning, $0) }
        let whole = words.dropLast().map { term(field, analyzed.term($0)) }
        return whole.isEmpty ? node : .and(whole + [node])
    }

    private func fuzzy(_ field: TextField?, _ text: String, _ distance: Int) -> QueryNode {
        let analyzed = Analyzer.analyze(text, for: .query)
        let nodes = analyzed.words.filter { $0.kind != .exact }.map { word in
            let term = analyzed.term(word)
            return expansion(field, term) { self.fuzzyMatches(term, distance, $0) }
        }
        return nodes.isEmpty ? .none : nodes.count == 1 ? nodes[0] : .and(nodes)
    }

    private typealias Matches = (list: [(entry: TermEntry, distance: Int)], isTruncated: Bool)

    /// - Parameter find: the terms of a segment, with 0 for the word itself.
    private func expansion(_ field: TextField?, _ term: [UInt8], _ find: (Segment) -> Matches) -> QueryNode {
        let found = snapshot.parts.map { find($0.segment) }
        let count = found.reduce(0) { $0 + $1.list.reduce(0) { $0 + $1.entry.count } }
        if count == 0 { return .none }
        let idf = Ranking.idf(documents: documents, having: count)
        // The third is for words that only begin so.
        let factors = Ranking.fuzzyFactors + [Ranking.prefixFactor]
        return .expansion(
            ExpansionNode(
                matches: found.map { $0.list.map { ExpansionNode.Match(entry: $0.entry, scorer: $0.distance) } },
                scorers: factors.map { scorer(field, idf: idf * $0) }, isTruncated: found.contains { $0.isTruncated }))
    }

    private func prefixMatches(_ prefix: [UInt8], _ segment: Segment) -> Matches {
        var cursor = segment.cursor(from: prefix)
        var list: [(entry: TermEntry, distance: Int)] = []
        while cursor.next(), !watch.isOver(after: 4) {
            if cursor.term.starts(with: prefix) {
                if list.count == QueryPlanner.maximumExpansions { return (list, true) }
                list.append((cursor.entry, cursor.term.count == prefix.count ? 0 : Ranking.fuzzyFactors.count))
            } else if !cursor.term.lexicographicallyPrecedes(prefix) {
                break
            }
        }
        return (list, false)
    }

    private func fuzzyMatches(_ term: [UInt8], _ distance: Int, _ segment: Segment) -> Matches {
        var matcher = FuzzyMatcher(term, limit: distance)
        var list: [(entry: TermEntry, distance: Int)] = []
        var isTruncated = false
        matcher.forEachMatch(segment.cursor(), watch: watch) { _, entry, distance in
            if list.count == QueryPlanner.maximumExpansions {
                isTruncated = true
            } else {
                list.append((entry, distance))
            }
        }
        return (list, isTruncated)
    }
}
