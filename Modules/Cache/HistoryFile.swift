import MusicFSSQLite
package import MusicFSSystem

/// What was played, by where the files lie.
package protocol PlayedFiles: Sendable {
    /// What was played since then, nanoseconds since 1970, each file once with its last time, newest first.
    func played(since time: Int64) throws(CacheError) -> [(file: OriginPath, time: Int64)]
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

    package func played(since time: Int64) throws(CacheError) -> [(file: OriginPath, time: Int64)] {
        try reading { try $0.played(since: time) } ?? []
    }

    package func mostPlayed(limit: Int) throws(CacheError) -> [PlayCount] {
        try reading { try $0.mostPlayed(limit: max(limit, 0)) } ?? []
    }

    /// - Returns: nil where there is no file, or nothing in it yet.
    private func reading<R>(_ body: (HistoryReading) throws -> R) throws(CacheError) -> R? {
        try wrapping("read \(path)") {
            try DatabaseFile.openToRead(path, .history, version: HistoryDatabase.schemaVersion).map {
                try body(HistoryReading($0))
            }
        }
    }
}
