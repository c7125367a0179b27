/// What the cache holds: the answer of `/v1/cache` and of `musicfs cache stats --json`.
package struct CacheReport: Codable, Hashable, Sendable {
    /// One origin's share of the traffic.
    package struct Origin: Codable, Hashable, Sendable {
        package var id: String
        /// Since the server started.
        package var fetchedBytes: Int64
        package var requests: Int64
        package var errors: Int64

        package init(id: String, fetchedBytes: Int64, requests: Int64, errors: Int64) {
            self.id = id
            self.fetchedBytes = fetchedBytes
            self.requests = requests
            self.errors = errors
        }

        private enum CodingKeys: String, CodingKey {
            case id, requests, errors
            case fetchedBytes = "fetched_bytes"
        }
    }

    package var usedBytes: Int64 = 0
    package var maxBytes: Int64 = 0
    package var chunks: Int64 = 0
    /// Chunks that only one version uses are counted here as the others are: once.
    package var chunksUnique: Int64 = 0
    package var references: Int64 = 0
    package var dedupRatio: Double = 0
    package var savedBytes: Int64 = 0
    package var pinnedBytes: Int64 = 0
    package var hits: Int64 = 0
    package var misses: Int64 = 0
    package var hitRatio: Double = 0
    package var evictedBytes: Int64 = 0
    /// Why the cache's disk is not used at the moment.
    @Nullable package var error: String?
    package var origins: [Origin] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case chunks, references, hits, misses, error, origins
        case usedBytes = "used_bytes"
        case maxBytes = "max_bytes"
        case chunksUnique = "chunks_unique"
        case dedupRatio = "dedup_ratio"
        case savedBytes = "saved_bytes"
        case pinnedBytes = "pinned_bytes"
        case hitRatio = "hit_ratio"
        case evictedBytes = "evicted_bytes"
    }
}

/// One line of the stream of `cache verify`, `cache repair` and `cache prefetch`.
package struct CacheProgress: Codable, Hashable, Sendable {
    /// Chunks, or files, that were looked at.
    package var done: Int64 = 0
    /// How many there are, where that is known.
    package var total: Int64?
    package var bytes: Int64 = 0
    package var damaged: Int64 = 0
    package var missing: Int64 = 0
    package var orphans: Int64 = 0
    package var strays: Int64 = 0
    /// What is being fetched.
    package var path: String?
    package var isFinished = false
    /// Why it ended early; then this is the last line.
    package var error: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case done, total, bytes, damaged, missing, orphans, strays, path, error
        case isFinished = "finished"
    }
}

/// What `cache clear`, `cache pin` and `cache unpin` did.
package struct CacheChange: Codable, Hashable, Sendable {
    package var bytes: Int64
    package var files: Int64

    package init(bytes: Int64 = 0, files: Int64 = 0) {
        self.bytes = bytes
        self.files = files
    }
}
