/// What a search found.
package struct SearchResults: Hashable, Sendable {
    /// How many documents match.
    package enum Total: Hashable, Sendable {
        case exact(Int)
        /// At least so many: some were left out once they could not be among the best.
        case atLeast(Int)
    }

    /// The best first, from the offset on.
    package var hits: [SearchHit]
    package var total: Total
    /// Whether a word of the query stands for more terms than are looked at.
    package var isTruncated: Bool
}

package struct SearchOptions: Hashable, Sendable {
    /// How many hits there may be, at most 10,000 with the offset.
    package var limit: Int
    /// How many of the best are left out.
    package var offset: Int
    package var weights: FieldWeights
    /// Whether all that matches is counted, which takes time in proportion to it.
    package var countsAll: Bool

    package static let maximumHits = 10_000

    package init(limit: Int = 20, offset: Int = 0, weights: FieldWeights = .standard, countsAll: Bool = false) {
        self.limit = limit
        self.offset = offset
        self.weights = weights
        self.countsAll = countsAll
    }
}

extension SearchSnapshot {
    /// Finds the best documents for a query; those with equal scores are in the order of their ids.
    ///
    /// May be called from any thread, and works on it: milliseconds for a million documents.
    ///
    /// - Parameters:
    ///   - deadline: when to give up, see `monotonicNanoseconds`; nil for never.
    ///   - isCancelled: asked now and then, on the caller's thread: whether nobody waits for the answer any more.
    /// - Throws: `SearchError` with `.damaged` where the files are not what was written, `.tooLong` behind the deadline or
    ///   for a query that would take too much memory, `.cancelled`.
    package func search(
        _ query: SearchQuery, options: SearchOptions = SearchOptions(), deadline: UInt64? = nil,
        isCancelled: (() -> Bool)? = nil
    ) throws(SearchError) -> SearchResults {
        try search(query, options: options, watch: SearchWatch(deadline: deadline, isCancelled: isCancelled))
    }

    func search(
        _ query: SearchQuery, options: SearchOptions, watch: SearchWatch
    ) throws(SearchError) -> SearchResults {
        let offset = min(max(options.offset, 0), SearchOptions.maximumHits)
        let limit = min(max(options.limit, 0), SearchOptions.maximumHits - offset)
        let node = QueryPlanner(self, weights: options.weights, watch: watch).node(query)
        var hits = TopHits(limit: offset + limit)
        var count = MatchCount()
        for (index, part) in parts.enumerated() where !watch.isOver {
            SegmentSearch(part, index: index, watch: watch).run(node, countsAll: options.countsAll, &hits, &count)
        }
        try watch.check()
        return SearchResults(
            hits: Array(hits.sorted.dropFirst(offset)),
            total: count.isExact ? .exact(count.found) : .atLeast(count.found), isTruncated: node.isTruncated)
    }

    /// Finds all documents that match, without scores.
    ///
    /// - Parameter limit: how many there may be: those with the least ids.
    /// - Returns: their ids, ascending.
    /// - Throws: as `search` does.
    package func matches(
        _ query: SearchQuery, limit: Int = .max, deadline: UInt64? = nil, isCancelled: (() -> Bool)? = nil
    ) throws(SearchError) -> [Int64] {
        try matches(query, limit: limit, watch: SearchWatch(deadline: deadline, isCancelled: isCancelled))
    }

    func matches(_ query: SearchQuery, limit: Int, watch: SearchWatch) throws(SearchError) -> [Int64] {
        let node = QueryPlanner(self, weights: .standard, watch: watch).node(query)
        var ids: [Int64] = []
        for (index, part) in parts.enumerated() where !watch.isOver {
            ids += SegmentSearch(part, index: index, isScored: false, watch: watch).ids(node, limit: limit)
        }
        try watch.check()
        // Those of each segment ascend; segments may overlap.
        if parts.count > 1 { ids.sort() }
        return Array(ids.prefix(max(limit, 0)))
    }
}

extension QueryNode {
    fileprivate var isTruncated: Bool {
        switch self {
        case .expansion(let node): node.isTruncated
        case .and(let children), .or(let children): children.contains(where: \.isTruncated)
        case .not(let child): child.isTruncated
        case .none, .all, .term, .phrase, .range: false
        }
    }
}
