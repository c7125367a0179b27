/// Finds tracks by a query of the search language.
protocol TrackFinder: Sendable {
    /// All that match, in the library's order (by id).
    func tracks(matching query: String) throws -> [Int64]
}
