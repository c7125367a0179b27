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
            // From the index alone. Ids descend there too: those of one time are turned round.
            let statement = try database.prepare(
                "SELECT id, added FROM tracks WHERE added >= ? ORDER BY added DESC, id DESC")
            statement.bind(1, time)
            var ids: [Int64] = []
            var group: [Int64] = []
            var last: Int64?
            var rows = RowWatch(deadline)
            while ids.count < limit, try statement.step() {
                try rows.next()
                if statement.integer(1) != last {
                    last = statement.integer(1)
                    ids += group.reversed()
                    group = []
                }
                group.append(statement.integer(0))
            }
            ids += group.reversed()
            return Array(ids.prefix(max(limit, 0)))
        }
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
