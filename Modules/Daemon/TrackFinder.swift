/// Finds tracks by a query of the search language.
protocol TrackFinder: Sendable {
    /// Waits while what it searches in is being opened, for a bounded time. Without it, the time of the first query passes
    /// meanwhile.
    func prepare()
    /// All that match, in the library's order (by id).
    ///
    /// - Parameter deadline: when to give up, see `monotonicNanoseconds`.
    func tracks(matching query: String, until deadline: UInt64) throws -> [Int64]
}

extension TrackFinder {
    func prepare() {}
}
