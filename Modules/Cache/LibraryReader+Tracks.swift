package import MusicFSCore
import MusicFSSQLite

/// A track of the tree with what it is found and shown by.
package struct TrackRecord: Hashable, Sendable {
    /// `tracks.id`.
    package var id: Int64
    /// The node that shows it.
    package var node: Int64
    /// As the file states them; nil where they cannot be read.
    package var tags: Tags?
    /// nil where it is not known.
    package var durationMilliseconds: Int64?
    /// When it was first seen, nanoseconds since the epoch.
    package var added: Int64
    /// As a file's extension is: `flac`.
    package var format: String
    /// The file's name at its origin.
    package var fileName: [UInt8]
    /// The configuration's ids of the origins that have it, the one that is shown first.
    package var origins: [String]
}

/// Tracks and what becomes of them, for those who follow the library.
extension LibraryReader {
    /// The number of the last row of `changes`.
    package func lastChange() throws(CacheError) -> Int64 {
        try report.wrapping("read the last change") { try LibraryCounters.load(database).nextChange - 1 }
    }

    /// The tracks that changed after the change `sequence`, or are gone, from at most `limit` rows; nil when rows after it
    /// were forgotten, so that only looking at all tracks tells.
    ///
    /// - Returns: the tracks, each once, and the number up to which that reaches.
    package func changedTracks(
        after sequence: Int64, limit: Int
    ) throws(CacheError) -> (tracks: [Int64], sequence: Int64)? {
        try report.wrapping("read the changes of tracks") {
            let last = try LibraryCounters.load(database).nextChange - 1
            guard sequence <= last else { return nil }
            let statement = try database.prepare(
                "SELECT sequence, kind, id FROM changes WHERE sequence > ? ORDER BY sequence LIMIT ?")
            statement.bind(1, sequence)
            statement.bind(2, Int64(limit))
            var tracks: Set<Int64> = []
            var reached = sequence
            while try statement.step() {
                reached = statement.integer(0)
                if statement.integer(1) <= Schema.ChangeKind.trackRemoved.rawValue {
                    tracks.insert(statement.integer(2))
                }
            }
            // Looked at afterwards: rows may be forgotten at any time.
            let first = try database.integer("SELECT min(sequence) FROM changes")
            guard sequence == last || first.map({ $0 <= sequence + 1 }) == true else { return nil }
            return (tracks.sorted(), reached)
        }
    }

    /// Those of the tracks that the tree shows, in the order in which they are asked for.
    package func tracks(_ ids: some Sequence<Int64>) throws(CacheError) -> [TrackRecord] {
        try report.wrapping("look up tracks") {
            let rows = try TrackRows(database, "t.id = ?")
            var records: [TrackRecord] = []
            for id in ids {
                rows.statement.bind(1, id)
                if let record = try rows.next() { records.append(record) }
                rows.statement.reset()
            }
            return records
        }
    }

    /// The tracks that the tree shows, in the order of their ids; at most `limit` of those after `id`.
    package func tracks(after id: Int64, limit: Int) throws(CacheError) -> [TrackRecord] {
        try report.wrapping("list tracks") {
            let rows = try TrackRows(database, "t.id > ? ORDER BY t.id LIMIT ?")
            rows.statement.bind(1, id)
            rows.statement.bind(2, Int64(limit))
            var records: [TrackRecord] = []
            while let record = try rows.next() { records.append(record) }
            return records
        }
    }
}

/// Makes records of rows.
private struct TrackRows {
    let statement: Statement
    private let others: Statement?

    /// - Parameter condition: which of the tracks `t`.
    init(_ database: Database, _ condition: String) throws {
        statement = try database.prepare(
            """
            SELECT t.id, n.id, t.report, t.duration_ms, t.added, t.format, r.name, o.name
            FROM tracks t JOIN replicas r ON r.id = t.replica JOIN nodes n ON n.id = r.node AND n.replica = r.id
            JOIN origins o ON o.id = r.origin WHERE \(condition)
            """)
        let hasSeveral = try database.integer("SELECT count(*) FROM origins") ?? 0 > 1
        others =
            hasSeveral
            ? try database.prepare(
                """
                SELECT o.name FROM replicas r JOIN origins o ON o.id = r.origin
                WHERE r.node = ? AND r.is_secondary = 1 ORDER BY o.priority, o.name
                """) : nil
    }

    func next() throws -> TrackRecord? {
        guard try statement.step() else { return nil }
        var tags: Tags?
        if let bytes = statement.optionalBytes(2) {
            var reader = ByteReader(bytes)
            // Damage to one track's tags keeps nobody from the others.
            tags = try? MediaReport(decoding: &reader).tags
        }
        let node = statement.integer(1)
        var origins = [statement.text(7)]
        if let others {
            others.bind(1, node)
            while try others.step() { origins.append(others.text(0)) }
            others.reset()
        }
        return TrackRecord(
            id: statement.integer(0), node: node, tags: tags, durationMilliseconds: statement.optionalInteger(3),
            added: statement.integer(4), format: statement.text(5), fileName: statement.bytes(6), origins: origins)
    }
}
