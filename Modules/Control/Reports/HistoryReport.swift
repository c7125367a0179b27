/// One access of the history: an element of the answer of `/v1/history` and of `musicfs history --json`.
package struct HistoryReport: Codable, Hashable, Sendable {
    /// When the file was opened.
    package var time: Timestamp
    package var isPlay: Bool
    /// How long it was held open; null while it is, or where its end was not seen.
    @Nullable package var heldSeconds: Double?
    package var origin: String
    /// Below the origin's root.
    package var realPath: String
    /// In the mount as it is now; null where the library does not have it, or does not know.
    @Nullable package var path: String?
    @Nullable package var trackID: Int64?

    package init(
        time: Timestamp, isPlay: Bool, heldSeconds: Double?, origin: String, realPath: String, path: String? = nil,
        trackID: Int64? = nil
    ) {
        self.time = time
        self.isPlay = isPlay
        self.heldSeconds = heldSeconds
        self.origin = origin
        self.realPath = realPath
        self.path = path
        self.trackID = trackID
    }

    private enum CodingKeys: String, CodingKey {
        case time, origin, path
        case isPlay = "play"
        case heldSeconds = "held_s"
        case realPath = "real_path"
        case trackID = "track_id"
    }
}

/// What is fetched ahead: the answer of `/v1/prefetch` and of `musicfs prefetch status --json`.
package struct PrefetchReport: Codable, Hashable, Sendable {
    package struct Item: Codable, Hashable, Sendable {
        /// In the mount, below its root.
        package var path: String
        /// `hint`, `sequence`, `album` or `hour`.
        package var reason: String
        package var priority: Int
        /// How far it is.
        package var bytes: Int64
        /// 0 where it has not begun.
        package var size: Int64

        package init(path: String, reason: String, priority: Int, bytes: Int64, size: Int64) {
            self.path = path
            self.reason = reason
            self.priority = priority
            self.bytes = bytes
            self.size = size
        }
    }

    package var isEnabled: Bool
    package var running: [Item] = []
    package var pending: [Item] = []
    /// Why nothing is fetched although something waits.
    @Nullable package var pausedBecause: String?
    /// All since the server started.
    package var fetchedFiles: Int64 = 0
    package var fetchedBytes: Int64 = 0
    /// Files that were fetched ahead and then opened.
    package var usedFiles: Int64 = 0
    package var failed: Int64 = 0
    package var dropped: Int64 = 0

    package init(isEnabled: Bool) { self.isEnabled = isEnabled }

    private enum CodingKeys: String, CodingKey {
        case running, pending, failed, dropped
        case isEnabled = "enabled"
        case pausedBecause = "paused_because"
        case fetchedFiles = "fetched_files"
        case fetchedBytes = "fetched_bytes"
        case usedFiles = "used_files"
    }
}
