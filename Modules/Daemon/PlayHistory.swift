/// What was played, by the ids that tracks have in the library now.
protocol PlayHistory: Sendable {
    /// Newest first, each track once. `time`: nanoseconds since the epoch.
    func played(since time: Int64) throws -> [(track: Int64, time: Int64)]
    /// Most often first.
    func mostPlayed(limit: Int) throws -> [(track: Int64, count: Int)]
}
