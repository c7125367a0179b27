import MusicFSSQLite
package import MusicFSSystem

/// What was played, by where the files lie.
package protocol PlayedFiles: Sendable {
    /// What was played since then, nanoseconds since 1970, each file once with its last time, newest first.
    func played(since time: Int64) throws(CacheError) -> [(file: PlayedFile, time: Int64)]
    /// The most often first; of equal ones the last played.
    func mostPlayed(limit: Int) throws(CacheError) -> [PlayCount]
}

extension History: PlayedFiles {}

/// history.db that may be open elsewhere: it is read, and neither made, nor changed, nor moved aside. Nothing was played
/// where there is no file.
package struct HistoryFile: PlayedFiles {
    private let path: FilePath

    /// Opens nothing yet.
    package init(_ path: FilePath) { self.path = path }

    package func played(since time: Int64) throws(CacheError) -> [(file: PlayedFile, time: Int64)] {
        try reading { database in
            let statement = try database.prepare(
                """
                SELECT f.origin, f.path, max(a.time) FROM accesses a JOIN files f ON f.id = a.file
                WHERE a.is_play = 1 AND a.time >= ? GROUP BY a.file ORDER BY 3 DESC
                """)
            statement.bind(1, time)
            var rows: [(PlayedFile, Int64)] = []
            while try statement.step() {
                rows.append(
                    (PlayedFile(origin: statement.text(0), path: statement.bytes(1)), statement.integer(2)))
            }
            return rows
        } ?? []
    }

    package func mostPlayed(limit: Int) throws(CacheError) -> [PlayCount] {
        try reading { database in
            let statement = try database.prepare(
                """
                SELECT f.origin, f.path, count(*) FROM accesses a JOIN files f ON f.id = a.file
                WHERE a.is_play = 1 GROUP BY a.file ORDER BY 3 DESC, max(a.time) DESC LIMIT ?
                """)
            statement.bind(1, Int64(max(limit, 0)))
            var counts: [PlayCount] = []
            while try statement.step() {
                let file = PlayedFile(origin: statement.text(0), path: statement.bytes(1))
                counts.append(PlayCount(file: file, count: Int(clamping: statement.integer(2))))
            }
            return counts
        } ?? []
    }

    /// - Returns: nil where there is no file, or nothing in it yet.
    private func reading<R>(_ body: (Database) throws -> R) throws(CacheError) -> R? {
        do throws(SystemError) { _ = try FileStatus.of(path) } catch {
            if error.errno == .noEntry { return nil }
            throw CacheError("read \(path)", error)
        }
        return try wrapping("read \(path)") {
            let database = try Database.open(path, .readOnly)
            guard let version = try DatabaseFile.version(database, .history) else { return nil }
            guard version == HistoryDatabase.schemaVersion else {
                throw CacheError(.failed, "\(path) is another version's")
            }
            return try body(database)
        }
    }
}
