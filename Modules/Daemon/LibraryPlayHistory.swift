import MusicFSCache

/// The history, in terms of a library.
struct LibraryPlayHistory: PlayHistory {
    let history: any PlayedFiles
    /// nil where there is no library yet.
    let makeReader: @Sendable () throws(CacheError) -> LibraryReader?

    func played(since time: Int64) throws -> [(track: Int64, time: Int64)] {
        let plays = try history.played(since: time)
        let known = try makeReader()?.playable(plays.map(\.file)) ?? [:]
        // Two files may be the same track by now.
        var seen: Set<Int64> = []
        return plays.compactMap { play in
            known[play.file].flatMap { seen.insert($0.track).inserted ? ($0.track, play.time) : nil }
        }
    }

    func mostPlayed(limit: Int) throws -> [(track: Int64, count: Int)] {
        // More than are wanted, since some may be gone.
        let counts = try history.mostPlayed(limit: limit &+ min(limit, 1000))
        let known = try makeReader()?.playable(counts.map(\.file)) ?? [:]
        var sums: [Int64: Int] = [:]
        for count in counts { if let file = known[count.file] { sums[file.track, default: 0] += count.count } }
        var seen: Set<Int64> = []
        let order = counts.compactMap { known[$0.file]?.track }.filter { seen.insert($0).inserted }
        return order.enumerated().sorted {
            (sums[$1.element] ?? 0, $0.offset) < (sums[$0.element] ?? 0, $1.offset)
        }.prefix(max(limit, 0)).map { ($0.element, sums[$0.element] ?? 0) }
    }
}
