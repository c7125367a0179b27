/// Why a document has its score: plain values, to be shown.
package struct ScoreExplanation: Hashable, Sendable, Codable {
    /// What a field adds to a word's weight.
    package struct Field: Hashable, Sendable, Codable {
        /// As in the query language.
        package var name: String
        /// How often the field has the word.
        package var count: Int
        /// How many words the field has.
        package var length: Int
        package var weight: Float
    }

    /// What one word or phrase of the query adds.
    package struct Part: Hashable, Sendable, Codable {
        package enum Kind: String, Hashable, Sendable, Codable {
            case word
            /// The word with the accents that the query has.
            case accented
            case phrase
            /// A word that the query's only begins, or that is one or two typing errors away.
            case expansion
        }

        package var kind: Kind
        /// The term of the dictionary, for a phrase the terms with spaces.
        package var term: String
        /// How rare it is, with what a word is lowered by that is not the query's own.
        package var rarity: Float
        package var fields: [Field]
        package var score: Float
    }

    package var id: Int64
    /// The sum of the parts'.
    package var score: Float
    /// In the query's order.
    package var parts: [Part]
}

extension SearchSnapshot {
    /// Explains the score of a document.
    ///
    /// - Returns: nil where the document is not there or does not match.
    /// - Throws: as `search` does.
    package func explain(
        _ query: SearchQuery, id: Int64, weights: FieldWeights = .standard, deadline: UInt64? = nil
    ) throws(SearchError) -> ScoreExplanation? {
        let watch = SearchWatch(deadline: deadline)
        guard let (index, document) = place(of: id) else { return nil }
        let node = QueryPlanner(self, weights: weights, watch: watch).node(query)
        let parts = SegmentSearch(self.parts[index], index: index, watch: watch).explain(node, document)
        try watch.check()
        return parts.map { ScoreExplanation(id: id, score: $0.reduce(0) { $0 + $1.score }, parts: $0) }
    }

    /// Where a document is that was not deleted.
    func place(of id: Int64) -> (part: Int, document: UInt32)? {
        for (index, part) in parts.enumerated() {
            if let document = part.segment.document(id), part.deletions?.contains(document) != true {
                return (index, UInt32(document))
            }
        }
        return nil
    }
}

extension SegmentSearch {
    /// - Returns: nil where the document does not match.
    fileprivate func explain(_ node: QueryNode, _ document: UInt32) -> [ScoreExplanation.Part]? {
        switch node {
        case .none: return nil
        case .all: return []
        case .range(let field, let range): return numbers(field, range)?.matches(document) == true ? [] : nil
        case .term(let term):
            guard let entry = term.entries[index] else { return nil }
            return part(entry, term.scorer, document, .word)
        case .phrase(let words, _, let scorer):
            guard let cursor = phrase(words, scorer, nil) else { return nil }
            cursor.seek(document)
            if cursor.document != document { return nil }
            let terms = words.map { word in word.term.entries[index].map(text) ?? "" }
            return [
                ScoreExplanation.Part(
                    kind: .phrase, term: terms.joined(separator: " "), rarity: scorer.rarity,
                    fields: fields(scorer, document, cursor.counts), score: cursor.score())
            ]
        case .expansion(let expansion):
            guard let match = best(expansion, document) else { return nil }
            let scorer = expansion.scorers[match.scorer]
            return part(match.entry, scorer, document, match.scorer == 0 ? .word : .expansion)
        case .and(let nodes):
            var result: [ScoreExplanation.Part] = []
            for node in nodes {
                guard let parts = explain(node, document) else { return nil }
                result += parts
            }
            return result
        case .or(let nodes):
            let found = nodes.compactMap { explain($0, document) }
            return found.isEmpty ? nil : found.flatMap { $0 }
        case .not(let child): return explain(child, document) == nil ? [] : nil
        }
    }

    /// The term of an expansion by which a document counts.
    func best(_ expansion: ExpansionNode, _ document: UInt32) -> ExpansionNode.Match? {
        var best: (match: ExpansionNode.Match, score: Float)?
        for match in expansion.matches[index] {
            let cursor = TermCursor(decoder(match.entry), scorer: expansion.scorers[match.scorer], norms: segment.norms)
            cursor.seek(document)
            guard cursor.document == document else { continue }
            let score = cursor.score()
            if best.map({ score > $0.score }) ?? true { best = (match, score) }
        }
        return best?.match
    }

    /// The term of an entry, without the mark of one with accents.
    func text(_ entry: TermEntry) -> String {
        String(decoding: (segment.term(of: entry) ?? []).drop { $0 <= Term.formatMark }, as: UTF8.self)
    }

    /// - Returns: nil where the document has not got the term; none for a keyword, which has no score.
    private func part(
        _ entry: TermEntry, _ scorer: Scorer?, _ document: UInt32, _ kind: ScoreExplanation.Part.Kind
    ) -> [ScoreExplanation.Part]? {
        let cursor = TermCursor(decoder(entry), scorer: scorer, norms: segment.norms)
        cursor.seek(document)
        guard cursor.document == document else { return nil }
        guard let scorer else { return [] }
        let isAccented = segment.term(of: entry)?.first == Term.exactMark
        return [
            ScoreExplanation.Part(
                kind: isAccented ? .accented : kind, term: text(entry), rarity: scorer.rarity,
                fields: fields(scorer, document, cursor.counts), score: cursor.score())
        ]
    }

    private func fields(_ scorer: Scorer, _ document: UInt32, _ counts: [Int]) -> [ScoreExplanation.Field] {
        TextField.allCases.compactMap { field in
            let number = Int(field.rawValue)
            guard counts[number] > 0, scorer.mask & 1 << field.rawValue != 0 else { return nil }
            let length = segment.norms.u8(Int(document) * TextField.count + number)
            return ScoreExplanation.Field(
                name: field.name, count: counts[number], length: FieldLength.words(length),
                weight: scorer.weight(number, length) * Float(counts[number]))
        }
    }
}
