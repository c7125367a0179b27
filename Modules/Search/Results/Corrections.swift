extension SearchSnapshot {
    /// What the words of a query are likely to have been, by what its tolerant form found.
    ///
    /// They are those of one of the hits: of those with the fewest typing errors the ones that most hits have. With
    /// `QueryParser.replacing` they become the corrected text of the query.
    ///
    /// - Parameters:
    ///   - query: as the user wrote it, not its tolerant form.
    ///   - hits: what the tolerant form found; the first 20 are looked at.
    /// - Returns: by part of the query the words in place of it; none for those that were right.
    /// - Throws: as `search` does.
    package func corrections(
        of query: SearchQuery, hits: [SearchHit], deadline: UInt64? = nil
    ) throws(SearchError) -> [SearchQuery: String] {
        let watch = SearchWatch(deadline: deadline)
        let planner = QueryPlanner(self, weights: .standard, watch: watch)
        let words = query.words.compactMap { word in
            word.tolerant.map { (word, SearchSnapshot.expansions(planner.node($0))) }
        }
        var candidates: [(found: [SearchQuery: Found], errors: Int, hits: Int)] = []
        for hit in hits.prefix(20) {
            guard let (index, document) = place(of: hit.id) else { continue }
            let search = SegmentSearch(parts[index], index: index, watch: watch)
            var found: [SearchQuery: Found] = [:]
            for (word, expansions) in words {
                let matches = expansions.compactMap { search.best($0, document) }
                // What the hit has not got did not find it.
                if matches.count < expansions.count || matches.isEmpty { continue }
                found[word] = Found(
                    text: matches.map { search.text($0.entry) }.joined(separator: " "),
                    errors: matches.reduce(0) { $0 + $1.scorer })
            }
            if let known = candidates.firstIndex(where: { $0.found == found }) {
                candidates[known].hits += 1
            } else {
                candidates.append((found, found.values.reduce(0) { $0 + $1.errors }, 1))
            }
        }
        try watch.check()
        let ranked = candidates.enumerated().sorted { one, other in
            (one.element.errors, -one.element.hits, one.offset) < (
                other.element.errors, -other.element.hits, other.offset
            )
        }
        // Where any of some words is enough each hit tells of its own.
        var best: [SearchQuery: Found] = [:]
        for candidate in ranked { best.merge(candidate.element.found) { first, _ in first } }
        return best.filter { $0.value.errors > 0 }.mapValues(\.text)
    }

    /// What a word of the query is in a hit.
    private struct Found: Hashable {
        var text: String
        var errors: Int
    }

    private static func expansions(_ node: QueryNode) -> [ExpansionNode] {
        switch node {
        case .expansion(let expansion): [expansion]
        case .and(let children): children.flatMap(expansions)
        default: []
        }
    }
}

extension SearchQuery {
    /// The words that may have typing errors in the tolerant form.
    fileprivate var words: [SearchQuery] {
        switch self {
        case .term, .prefix: [self]
        case .and(let children), .or(let children): children.flatMap(\.words)
        case .all, .phrase, .fuzzy, .range, .keyword, .not: []
        }
    }
}

extension QueryParser {
    /// The text of a query with other words in place of some of it; everything else stays as it was written.
    ///
    /// - Parameter words: by parts of the parsed query, see `SearchSnapshot.corrections`.
    /// - Throws: `QueryError` for a text that is no query.
    package static func replacing(
        _ words: [SearchQuery: String], in text: String, options: Options
    ) throws(QueryError) -> String {
        var parser = try QueryParser(text, options: options)
        _ = try parser.parseAll()
        var characters = Array(text)
        // From the end, so that the places before stay.
        for (query, token) in parser.words.reversed() {
            // No way to write a quote is in the language.
            guard let word = words[query], !word.contains("\"") else { continue }
            let start = token.textPosition - 1
            let isPlain = word.utf8.allSatisfy {
                $0 >= 0x80 || (0x61...0x7a).contains($0) || (0x30...0x39).contains($0)
            }
            let written = isPlain ? word : "\"\(word)\""
            characters.replaceSubrange(start..<(start + token.text.count), with: written)
        }
        return String(characters)
    }
}
