package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

/// A file that the library knows, as the differ needs it.
package struct KnownFile: Hashable, Sendable {
    package var replica: Int64
    package var name: [UInt8]
    package var stamp: FileStamp
    /// Its tags could not be read, through no fault of its own: it is to be read again.
    package var isPostponed: Bool
    package var isAudio: Bool
    package var hasIdentity: Bool
}

/// Reads what is not the tree: what a scan compares with, and what `info` and `status` show. For one thread.
package final class LibraryReader {
    let database: Database
    let report: FailureReport
    private let files: Statement
    private let folder: Statement

    init(database: Database, report: FailureReport) throws(SQLiteError) {
        self.database = database
        self.report = report
        files = try database.prepare(
            """
            SELECT id, name, size, modified, inode, kind, etag, is_postponed, CASE kind WHEN 0 THEN audio ELSE head END IS NOT NULL
            FROM replicas WHERE folder = ? ORDER BY name
            """)
        folder = try database.prepare("SELECT id FROM folders WHERE origin = ? AND path = ?")
    }

    /// The files that are known in a folder, by name in byte order; none when the folder is not known.
    package func files(origin: Int64, folder path: [UInt8]) throws(CacheError) -> [KnownFile] {
        try report.wrapping("read a folder") {
            defer {
                folder.reset()
                files.reset()
            }
            folder.bind(1, origin)
            folder.bind(2, path)
            guard try folder.step() else { return [] }
            files.bind(1, folder.integer(0))
            var known: [KnownFile] = []
            while try files.step() {
                known.append(
                    KnownFile(
                        replica: files.integer(0), name: files.bytes(1),
                        stamp: FileStamp(
                            size: files.integer(2), modified: files.integer(3),
                            inode: UInt64(bitPattern: files.integer(4)), etag: files.optionalBytes(6) ?? []),
                        isPostponed: files.integer(7) != 0,
                        isAudio: files.integer(5) == Schema.ReplicaKind.audio.rawValue,
                        hasIdentity: files.integer(8) != 0))
            }
            return known
        }
    }

    /// The folders of an origin at or below `path` in which files are known, in the order of their bytes, and how many
    /// files they hold; at most `limit` of those after `last`.
    package func folders(
        origin: Int64, below path: [UInt8], after last: [UInt8]?, limit: Int
    ) throws(CacheError) -> [(path: [UInt8], files: Int64)] {
        try report.wrapping("list folders") {
            // The folder itself sorts before what lies below it, but not next to it: "a", "a b", "a/c".
            let statement = try database.prepare(
                """
                SELECT path, audio + companions FROM folders
                WHERE origin = ?1 AND path > ?2 AND path < ?3 ORDER BY path LIMIT ?4
                """)
            let inside = path.isEmpty ? [] : path + [UInt8(ascii: "/")]
            var folders: [(path: [UInt8], files: Int64)] = []
            if last == nil {
                let own = try database.prepare("SELECT audio + companions FROM folders WHERE origin = ? AND path = ?")
                own.bind(1, origin)
                own.bind(2, path)
                if try own.step() { folders.append((path, own.integer(0))) }
            }
            statement.bind(1, origin)
            statement.bind(2, later(last, inside))
            statement.bind(3, path.isEmpty ? [0xff] : path + [UInt8(ascii: "/") + 1])
            statement.bind(4, Int64(limit))
            while try statement.step() { folders.append((statement.bytes(0), statement.integer(1))) }
            return folders
        }
    }

    /// The folders of an origin in which files are known that were modified in one of these times, nanoseconds since the
    /// epoch, both ends included. Reads the rows of all files.
    package func folders(
        origin: Int64, modifiedWithin times: [ClosedRange<Int64>]
    ) throws(CacheError) -> [[UInt8]] {
        try wrapping("look for files by their time") {
            let statement = try database.prepare(
                """
                SELECT DISTINCT folders.path FROM replicas JOIN folders ON folders.id = replicas.folder
                WHERE replicas.origin = ?1 AND replicas.modified BETWEEN ?2 AND ?3
                """)
            var paths: Set<[UInt8]> = []
            for time in times {
                statement.bind(1, origin)
                statement.bind(2, time.lowerBound)
                statement.bind(3, time.upperBound)
                while try statement.step() { paths.insert(statement.bytes(0)) }
                statement.reset()
            }
            return paths.sorted { $0.lexicographicallyPrecedes($1) }
        }
    }

    /// What commits after the change `sequence` made wrong in the kernel's eyes, oldest first; at most `limit` of it.
    package func treeChanges(
        after sequence: Int64, limit: Int
    ) throws(CacheError) -> [(sequence: Int64, change: TreeChange)] {
        try report.wrapping("read the changes") {
            let statement = try database.prepare(
                """
                SELECT sequence, kind, id, name FROM changes WHERE sequence > ? AND kind IN (2, 3)
                ORDER BY sequence LIMIT ?
                """)
            statement.bind(1, sequence)
            statement.bind(2, Int64(limit))
            var changes: [(sequence: Int64, change: TreeChange)] = []
            while try statement.step() {
                let id = statement.integer(2)
                let isEntry = statement.integer(1) == Schema.ChangeKind.entry.rawValue
                changes.append(
                    (
                        statement.integer(0),
                        isEntry ? .entry(parent: id, name: statement.bytes(3)) : .directory(id)
                    ))
            }
            return changes
        }
    }

    package func origins() throws(CacheError) -> [OriginRecord] {
        try report.wrapping("list the origins") { try OriginRecord.all(database) }
    }

    package func scan(origin: Int64) throws(CacheError) -> ScanRecord? {
        try report.wrapping("read a scan's progress") {
            let statement = try database.prepare(
                "SELECT sequence, phase, started, files_seen, last_folder FROM scans WHERE origin = ?")
            statement.bind(1, origin)
            guard try statement.step() else { return nil }
            return ScanRecord(
                origin: origin, sequence: statement.integer(0),
                phase: ScanRecord.Phase(rawValue: statement.text(1)) ?? .finished, started: statement.integer(2),
                filesSeen: statement.integer(3), lastFolder: statement.bytes(4))
        }
    }

    package func totals() throws(CacheError) -> LibraryTotals {
        try report.wrapping("read the totals") {
            let counters = try LibraryCounters.load(database)
            return LibraryTotals(
                tracks: counters.tracks, files: counters.files, directories: counters.directories,
                bytes: counters.bytes)
        }
    }

    /// Files without readable tags: the origin's id, the path below its root, and why.
    package func quarantine() throws(CacheError) -> [(origin: String, path: FilePath, reason: String)] {
        try report.wrapping("read the quarantine") {
            let statement = try database.prepare(
                """
                SELECT o.name, f.path, r.name, q.reason FROM quarantine q JOIN replicas r ON r.id = q.replica
                JOIN folders f ON f.id = r.folder JOIN origins o ON o.id = f.origin ORDER BY 1, 2, 3
                """)
            var rows: [(origin: String, path: FilePath, reason: String)] = []
            while try statement.step() {
                guard let path = FilePath(bytes: joined(statement.bytes(1), statement.bytes(2))) else { continue }
                rows.append((statement.text(0), path, statement.text(3)))
            }
            return rows
        }
    }

    package func quarantinedCount() throws(CacheError) -> Int64 {
        try report.wrapping("count the quarantine") { try database.integer("SELECT count(*) FROM quarantine") ?? 0 }
    }

    /// The version of a replica's content that is shown until it is replaced; nil where the tree shows another replica's.
    package func prior(replica: Int64) throws(CacheError) -> PriorVersion? {
        try report.wrapping("look up a version") {
            let statement = try database.prepare(
                """
                SELECT v.key, v.size, v.payload_start, v.payload_end, t.report
                FROM nodes n JOIN versions v ON v.id = n.version JOIN replicas r ON r.id = n.replica
                LEFT JOIN tracks t ON t.id = r.track WHERE r.id = ?1 AND n.id = r.node
                """)
            statement.bind(1, replica)
            guard try statement.step(), let key = statement.optionalBytes(0).flatMap(ContentKey.init(bytes:)),
                let start = statement.optionalInteger(2), let end = statement.optionalInteger(3), start <= end,
                let bytes = statement.optionalBytes(4)
            else { return nil }
            var reader = ByteReader(bytes)
            let report = try MediaReport(decoding: &reader)
            return PriorVersion(
                key: key, size: statement.integer(1), payload: start..<end, checksum: report.layout?.checksum)
        }
    }

    /// The keys of the content that the tree shows of files, by where they lie; files that are not known, or not kept in
    /// the cache, have none.
    package func keys(of pins: [OriginPath]) throws(CacheError) -> Set<ContentKey> {
        try report.wrapping("look up pinned files") {
            let statement = try database.prepare(
                """
                SELECT v.key FROM origins o JOIN folders f ON f.origin = o.id JOIN replicas r ON r.folder = f.id
                JOIN nodes n ON n.id = r.node JOIN versions v ON v.id = n.version
                WHERE o.name = ? AND f.path = ? AND r.name = ?
                """)
            var keys: Set<ContentKey> = []
            for pin in pins {
                let (folder, name) = divided(pin.path)
                statement.bind(1, pin.origin)
                statement.bind(2, folder)
                statement.bind(3, name)
                if try statement.step(), let key = statement.optionalBytes(0).flatMap(ContentKey.init(bytes:)) {
                    keys.insert(key)
                }
                statement.reset()
            }
            return keys
        }
    }

    /// `quick_check` or `integrity_check`; empty when all is well.
    package func integrityProblems(full: Bool) throws(CacheError) -> [String] {
        try report.wrapping("check the library") { try database.integrityProblems(full: full) }
    }

    /// Everything that is known about the file that a node shows; nil for a directory or a node that is gone.
    package func file(node: Int64) throws(CacheError) -> FileRecord? {
        try report.wrapping("read a file's record") {
            let statement = try database.prepare(
                """
                SELECT r.track, t.report, o.id, o.name, o.root, f.path, r.name, r.size, r.modified, r.is_secondary,
                    q.reason
                FROM nodes n JOIN replicas r ON r.id = n.replica OR (r.node = n.id AND r.is_secondary = 1)
                JOIN folders f ON f.id = r.folder JOIN origins o ON o.id = f.origin
                LEFT JOIN tracks t ON t.id = r.track LEFT JOIN quarantine q ON q.replica = r.id
                WHERE n.id = ? ORDER BY r.is_secondary, o.priority, o.name
                """)
            statement.bind(1, node)
            var record: FileRecord?
            while try statement.step() {
                guard let path = FilePath(bytes: joined(statement.bytes(5), statement.bytes(6))) else { continue }
                if record == nil {
                    var report: MediaReport?
                    if let bytes = statement.optionalBytes(1) {
                        var reader = ByteReader(bytes)
                        report = try MediaReport(decoding: &reader)
                    }
                    record = FileRecord(
                        track: statement.optionalInteger(0), report: report, quarantined: statement.optionalText(10),
                        replicas: [])
                }
                record?.replicas.append(
                    FileRecord.Replica(
                        originID: statement.integer(2), origin: statement.text(3),
                        realPath: (FilePath(bytes: statement.bytes(4)) ?? "/").appending(path.bytes),
                        size: statement.integer(7), modified: statement.integer(8)))
            }
            return record
        }
    }
}

/// The one of two paths that sorts later.
private func later(_ left: [UInt8]?, _ right: [UInt8]) -> [UInt8] {
    guard let left else { return right }
    return left.lexicographicallyPrecedes(right) ? right : left
}

/// A content version that is about to be replaced, as far as it tells whether its audio is still the same (D24).
package struct PriorVersion: Hashable, Sendable {
    package var key: ContentKey
    package var size: Int64
    /// Where the audio lay.
    package var payload: Range<Int64>
    /// The checksum of the audio that the format stores; nil where it has none.
    package var checksum: [UInt8]?
}

/// What the library knows of one file of the tree.
package struct FileRecord: Sendable {
    package struct Replica: Hashable, Sendable {
        package var originID: Int64
        package var origin: String
        package var realPath: FilePath
        package var size: Int64
        package var modified: Int64
    }

    package var track: Int64?
    package var report: MediaReport?
    package var quarantined: String?
    /// The one that is shown comes first.
    package var replicas: [Replica]
}
