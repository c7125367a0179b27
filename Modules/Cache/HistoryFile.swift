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

    /// The newest first.
    package func rows(onlyPlays: Bool, limit: Int) throws(CacheError) -> [HistoryRow] {
        try reading { try $0.rows(onlyPlays: onlyPlays, limit: limit) } ?? []
    }

    package func played(since time: Int64) throws(CacheError) -> [(file: PlayedFile, time: Int64)] {
        try reading { try $0.played(since: time) } ?? []
    }

    package func mostPlayed(limit: Int) throws(CacheError) -> [PlayCount] {
        try reading { try $0.mostPlayed(limit: max(limit, 0)) } ?? []
    }

    /// - Returns: nil where there is no file, or nothing in it yet.
    private func reading<R>(_ body: (HistoryReading) throws -> R) throws(CacheError) -> R? {
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
            return try body(HistoryReading(database))
        }
    }
}
