import MusicFSSQLite
import MusicFSSystem

/// The ids of tracks by what the indexes of library.db tell. Among them may be tracks that the tree does not show, such as
/// copies with other tags: `places` leaves those out.
///
/// Those that may read millions of rows have a deadline, by `monotonicNanoseconds`, behind which they fail with an error that
/// `ListTookTooLong` is the cause of.
extension LibraryReader {
    /// Tracks that were first seen at this time or later, nanoseconds since the epoch; the newest first, and of those that
    /// came at once in the order of their ids. At most `limit`.
    package func tracks(
        addedSince time: Int64, limit: Int = .max, until deadline: UInt64 = .max
    ) throws(CacheError) -> [Int64] {
        try report.wrapping("list what was added") {
            var list = NewestFirst()
            _ = try readAdded(since: time, isBackwards: true, deadline) { id, added in
                list.add(id, added)
                return list.count < limit
            }
            return Array(list.finish().prefix(max(limit, 0)))
        }
    }

    /// Those of some tracks that were first seen at this time or later, in the order of `tracks(addedSince:)`.
    ///
    /// - Parameter tracks: ascending, each once.
    package func tracks(
        _ tracks: [Int64], addedSince time: Int64, until deadline: UInt64 = .max
    ) throws(CacheError) -> [Int64] {
        try report.wrapping("list what was added of some") {
            var list = OldestFirst()
            var known = NearSearch(tracks)
            // The index first, since there may be few: behind so many rows to look up each takes no longer.
            var rows = tracks.count * Self.rowsPerLookUp
            let isWhole = try readAdded(since: time, isBackwards: false, deadline) { id, added in
                if known.contains(id) { list.add(id, added) }
                rows -= 1
                return rows > 0
            }
            return isWhole ? list.newestFirst() : try lookUp(tracks, addedSince: time, deadline)
        }
    }

    /// How many rows of the index by time are read while one track is looked up.
    private static let rowsPerLookUp = 40

    /// - Parameters:
    ///   - isBackwards: whether the latest times and the greatest ids come first, which takes a quarter longer.
    ///   - body: gets an id and a time; returns whether to go on.
    /// - Returns: whether it got all.
    private func readAdded(
        since time: Int64, isBackwards: Bool, _ deadline: UInt64, _ body: (Int64, Int64) -> Bool
    ) throws -> Bool {
        // From the index alone.
        let order = isBackwards ? "added DESC, id DESC" : "added, id"
        let statement = try database.prepare("SELECT id, added FROM tracks WHERE added >= ? ORDER BY \(order)")
        statement.bind(1, time)
        var rows = RowWatch(deadline)
        while try statement.step() {
            try rows.next()
            if !body(statement.integer(0), statement.integer(1)) { return false }
        }
        return true
    }

    private func lookUp(_ tracks: [Int64], addedSince time: Int64, _ deadline: UInt64) throws -> [Int64] {
        let statement = try database.prepare("SELECT added FROM tracks WHERE id = ?")
        var found: [(added: Int64, id: Int64)] = []
        var rows = RowWatch(deadline)
        for id in tracks {
            try rows.next()
            statement.bind(1, id)
            if try statement.step(), statement.integer(0) >= time { found.append((statement.integer(0), id)) }
            statement.reset()
        }
        found.sort { $0.added != $1.added ? $0.added > $1.added : $0.id < $1.id }
        return found.map(\.id)
    }

    /// Tracks of these years, by id.
    package func tracks(of years: ClosedRange<Int64>, until deadline: UInt64 = .max) throws(CacheError) -> [Int64] {
        try report.wrapping("list tracks by year") {
            let statement = try database.prepare("SELECT id FROM tracks WHERE year BETWEEN ? AND ?")
            statement.bind(1, years.lowerBound)
            statement.bind(2, years.upperBound)
            return try Self.identifiers(statement, deadline).sorted()
        }
    }

    /// All tracks, by id.
    package func allTracks(until deadline: UInt64 = .max) throws(CacheError) -> [Int64] {
        try report.wrapping("list all tracks") {
            // From an index, which is a tenth of the table.
            let statement = try database.prepare("SELECT id FROM tracks INDEXED BY tracks_by_added")
            return try Self.identifiers(statement, deadline).sorted()
        }
    }

    /// The decades that have tracks, by their first years, of those in `range`. Cost: some look-ups for each.
    package func decades(in range: ClosedRange<Int64> = 1000...9999) throws(CacheError) -> [Int64] {
        try report.wrapping("look for decades") {
            let statement = try database.prepare("SELECT year FROM tracks WHERE year >= ? ORDER BY year LIMIT 1")
            var decades: [Int64] = []
            var next = range.lowerBound
            while next <= range.upperBound {
                statement.bind(1, next)
                guard try statement.step(), statement.integer(0) <= range.upperBound else { break }
                let decade = statement.integer(0) / 10 * 10
                decades.append(decade)
                next = decade + 10
                statement.reset()
            }
            return decades
        }
    }

    /// The tracks by album artist, album, disc, number and title.
    ///
    /// Cost: some microseconds for each.
    package func inAlbumOrder(_ tracks: [Int64]) throws(CacheError) -> [Int64] {
        try report.wrapping("order tracks") {
            let statement = try database.prepare(
                """
                SELECT coalesce(a.artist, t.album_artist, t.artist, ''), coalesce(a.title, ''), t.disc, t.track,
                    coalesce(t.title, '')
                FROM tracks t LEFT JOIN albums a ON a.id = t.album WHERE t.id = ?
                """)
            var rows: [(key: AlbumPlace, id: Int64)] = []
            rows.reserveCapacity(tracks.count)
            for id in tracks {
                statement.bind(1, id)
                if try statement.step() {
                    rows.append(
                        (
                            AlbumPlace(
                                artist: statement.text(0).lowercased(), album: statement.text(1).lowercased(),
                                disc: statement.integer(2), track: statement.integer(3), title: statement.text(4),
                                id: id
                            ), id
                        ))
                }
                statement.reset()
            }
            rows.sort { $0.key < $1.key }
            return rows.map(\.id)
        }
    }

    private static func identifiers(_ statement: Statement, _ deadline: UInt64) throws -> [Int64] {
        var ids: [Int64] = []
        var rows = RowWatch(deadline)
        while try statement.step() {
            try rows.next()
            ids.append(statement.integer(0))
        }
        statement.reset()
        return ids
    }
}

/// The deadline was over before all rows were read.
package struct ListTookTooLong: Error, Hashable, CustomStringConvertible {
    package var description: String { "it took too long" }
}

/// Looks at the clock at the first row, and at one of so many from there on.
private struct RowWatch {
    private static let interval = 16_384
    private let deadline: UInt64
    private var count = 0

    init(_ deadline: UInt64) { self.deadline = deadline }

    mutating func next() throws(ListTookTooLong) {
        if count == 0, deadline != .max, monotonicNanoseconds() >= deadline { throw ListTookTooLong() }
        count = count == Self.interval ? 0 : count + 1
    }
}

/// Puts ids that descend within each time, and times that descend, in the order of lists: what came at once is in the
/// order in which it came.
private struct NewestFirst {
    private var ids: [Int64] = []
    /// Where those of the last time begin.
    private var start = 0
    private var last: Int64?

    /// How many there are of times that are over.
    var count: Int { start }

    mutating func add(_ id: Int64, _ added: Int64) {
        if added != last {
            endTime()
            last = added
        }
        ids.append(id)
    }

    private mutating func endTime() {
        ids[start...].reverse()
        start = ids.count
    }

    mutating func finish() -> [Int64] {
        endTime()
        return ids
    }
}

/// Puts ids that ascend within each time, and times that ascend, in that order.
private struct OldestFirst {
    private var ids: [Int64] = []
    /// Where those of each time begin.
    private var starts: [Int] = []
    private var last: Int64?

    mutating func add(_ id: Int64, _ added: Int64) {
        if added != last {
            starts.append(ids.count)
            last = added
        }
        ids.append(id)
    }

    func newestFirst() -> [Int64] {
        var result: [Int64] = []
        result.reserveCapacity(ids.count)
        var end = ids.count
        for start in starts.reversed() {
            result += ids[start..<end]
            end = start
        }
        return result
    }
}

/// Looks for ids in an array of them, which ascends, from where it found the last one: they mostly come in some order.
private struct NearSearch {
    private let ids: [Int64]
    /// The first that is not less than the last one that was looked for.
    private var place: Int

    init(_ ids: [Int64]) {
        self.ids = ids
        place = ids.count
    }

    mutating func contains(_ id: Int64) -> Bool {
        var (low, high) = (place, place)
        var step = 1
        // Galloping to either side, until those before `low` are less and `high` is not.
        while low > 0, ids[low - 1] >= id {
            high = low - 1
            low = max(high - step, 0)
            step *= 2
        }
        while high < ids.count, ids[high] < id {
            low = high + 1
            high = min(low + step, ids.count)
            step *= 2
        }
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        place = low
        return low < ids.count && ids[low] == id
    }
}

/// Where a track stands among others.
private struct AlbumPlace: Comparable {
    var artist: String
    var album: String
    var disc: Int64
    var track: Int64
    var title: String
    var id: Int64

    static func < (left: AlbumPlace, right: AlbumPlace) -> Bool {
        if left.artist != right.artist { return left.artist < right.artist }
        if left.album != right.album { return left.album < right.album }
        return (left.disc, left.track, left.title, left.id) < (right.disc, right.track, right.title, right.id)
    }
}
