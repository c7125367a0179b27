import MusicFSSQLite

/// One row of the history.
package struct HistoryRow: Hashable, Sendable {
    package var file: OriginPath
    /// When it was opened, nanoseconds since 1970.
    package var time: Int64
    /// How long it was held open, nanoseconds; nil while it is, or where its end was not seen.
    package var held: Int64?
    package var isPlay: Bool
}

/// A file with how often it was played.
package struct PlayCount: Hashable, Sendable {
    package var file: OriginPath
    package var count: Int

    package init(file: OriginPath, count: Int) {
        self.file = file
        self.count = count
    }
}

extension History {
    /// The newest first.
    package func rows(onlyPlays: Bool, limit: Int) throws(CacheError) -> [HistoryRow] {
        try asking { try HistoryReading($0.database).rows(onlyPlays: onlyPlays, limit: limit) }
    }

    /// What was played since then, nanoseconds since 1970, each file once with its last time, newest first.
    package func played(since time: Int64) throws(CacheError) -> [(file: OriginPath, time: Int64)] {
        try asking { try HistoryReading($0.database).played(since: time) }
    }

    /// The most often first; of equal ones the last played.
    package func mostPlayed(limit: Int) throws(CacheError) -> [PlayCount] {
        try asking { try HistoryReading($0.database).mostPlayed(limit: limit) }
    }

    /// What was played after a file at least twice, the most often first.
    package func successors(of file: OriginPath, limit: Int) throws(CacheError) -> [PlayCount] {
        let id = try asking { history in
            let statement = try history.database.prepare("SELECT id FROM files WHERE origin = ? AND path = ?")
            statement.bind(1, file.origin)
            statement.bind(2, file.path)
            return try statement.step() ? statement.integer(0) : nil
        }
        guard let id else { return [] }
        return try counts("a.is_play = 1 AND a.previous = ?1", id, least: 2, limit)
    }

    /// What was played at least twice in an hour of the day.
    package func favourites(hour: Int, limit: Int) throws(CacheError) -> [PlayCount] {
        try counts("a.is_play = 1 AND a.hour = ?1", Int64(hour), least: 2, limit)
    }

    private func counts(
        _ condition: String, _ value: Int64?, least: Int, _ limit: Int
    ) throws(CacheError) -> [PlayCount] {
        try asking { try HistoryReading($0.database).counts(condition, value, least: least, limit) }
    }
}

/// Queries of a connection that may be for reading alone.
struct HistoryReading {
    let database: Database

    init(_ database: Database) { self.database = database }

    func rows(onlyPlays: Bool, limit: Int) throws(SQLiteError) -> [HistoryRow] {
        let statement = try database.prepare(
            """
            SELECT f.origin, f.path, a.time, a.held, a.is_play FROM accesses a JOIN files f ON f.id = a.file
            \(onlyPlays ? "WHERE a.is_play = 1" : "") ORDER BY a.time DESC, a.id DESC LIMIT ?
            """)
        statement.bind(1, Int64(max(limit, 0)))
        var rows: [HistoryRow] = []
        while try statement.step() {
            rows.append(
                HistoryRow(
                    file: statement.playedFile, time: statement.integer(2), held: statement.optionalInteger(3),
                    isPlay: statement.integer(4) != 0))
        }
        return rows
    }

    func played(since time: Int64) throws(SQLiteError) -> [(file: OriginPath, time: Int64)] {
        let statement = try database.prepare(
            """
            SELECT f.origin, f.path, max(a.time) FROM accesses a JOIN files f ON f.id = a.file
            WHERE a.is_play = 1 AND a.time >= ? GROUP BY a.file ORDER BY 3 DESC
            """)
        statement.bind(1, time)
        var rows: [(file: OriginPath, time: Int64)] = []
        while try statement.step() { rows.append((statement.playedFile, statement.integer(2))) }
        return rows
    }

    func mostPlayed(limit: Int) throws(SQLiteError) -> [PlayCount] {
        try counts("a.is_play = 1", nil, least: 1, limit)
    }

    /// - Parameter value: of ?1 in the condition.
    func counts(
        _ condition: String, _ value: Int64?, least: Int, _ limit: Int
    ) throws(SQLiteError) -> [PlayCount] {
        let statement = try database.prepare(
            """
            SELECT f.origin, f.path, count(*) FROM accesses a JOIN files f ON f.id = a.file
            WHERE \(condition) GROUP BY a.file HAVING count(*) >= ?2 ORDER BY 3 DESC, max(a.time) DESC LIMIT ?3
            """)
        statement.bind(1, value)
        statement.bind(2, Int64(least))
        statement.bind(3, Int64(limit))
        var counts: [PlayCount] = []
        while try statement.step() {
            counts.append(PlayCount(file: statement.playedFile, count: Int(clamping: statement.integer(2))))
        }
        return counts
    }
}

extension Statement {
    /// The first two columns.
    fileprivate var playedFile: OriginPath { OriginPath(origin: text(0), path: bytes(1)) }
}
