import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// history.db while it is open. For one thread at a time.
final class HistoryDatabase {
    static let schemaVersion: Int64 = 1

    /// An access is a row whether or not it was a play; `opens` has those that are still held. `previous` is the file that
    /// was played before it: sequences are counted from there, and forgotten with the plays that they were learned of.
    private static let schema = """
        CREATE TABLE files(id INTEGER PRIMARY KEY, origin TEXT NOT NULL, path BLOB NOT NULL, UNIQUE(origin, path));
        CREATE TABLE accesses(
            id INTEGER PRIMARY KEY, file INTEGER NOT NULL, time INTEGER NOT NULL, hour INTEGER NOT NULL, held INTEGER,
            is_play INTEGER NOT NULL DEFAULT 0, previous INTEGER);
        CREATE INDEX accesses_by_time ON accesses(time);
        CREATE INDEX plays_by_time ON accesses(time) WHERE is_play = 1;
        CREATE INDEX plays_by_previous ON accesses(previous, file) WHERE is_play = 1 AND previous IS NOT NULL;
        CREATE INDEX plays_by_hour ON accesses(hour, file) WHERE is_play = 1;
        CREATE TABLE opens(handle INTEGER PRIMARY KEY, access INTEGER NOT NULL, since INTEGER NOT NULL, needed INTEGER NOT NULL);
        """

    let database: Database
    private let path: FilePath
    /// Which file `path` was when it was opened.
    private let identity: FileStatus
    private let findFile: Statement
    private let addFile: Statement
    private let addAccess: Statement
    private let addOpen: Statement
    private let findOpen: Statement
    private let dropOpen: Statement
    private let setHeld: Statement
    private let setPlay: Statement

    /// Opens it, or makes it.
    ///
    /// - Throws: an error that means damage where it is not what it should be, or another version's.
    init(_ path: FilePath) throws {
        self.path = path
        database = try Self.connect(path)
        identity = try FileStatus.of(path)
        findFile = try database.prepare("SELECT id FROM files WHERE origin = ? AND path = ?")
        addFile = try database.prepare("INSERT INTO files(origin, path) VALUES(?, ?) RETURNING id")
        addAccess = try database.prepare("INSERT INTO accesses(file, time, hour) VALUES(?, ?, ?) RETURNING id")
        addOpen = try database.prepare("INSERT OR REPLACE INTO opens VALUES(?, ?, ?, ?)")
        findOpen = try database.prepare("SELECT access, since, needed FROM opens WHERE handle = ?")
        dropOpen = try database.prepare("DELETE FROM opens WHERE handle = ?")
        setHeld = try database.prepare("UPDATE accesses SET held = ?2 WHERE id = ?1")
        setPlay = try database.prepare(Self.play)
    }

    private static func connect(_ path: FilePath) throws -> Database {
        let database = try Database.open(path, .readWrite, busyTimeout: 5000, cacheKibibytes: 1024)
        let version = try DatabaseFile.version(database, .history)
        if let version, version != schemaVersion {
            throw SQLiteError(extendedCode: 26, message: "it is of the version \(version)", context: "user_version")
        }
        // NORMAL: a write does not wait for the disk, and a power cut costs the last seconds, not the file.
        try database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=4194304")
        if version == nil {
            try database.transaction {
                try database.execute(
                    DatabaseFile.Kind.history.statement + schema + "PRAGMA user_version=\(schemaVersion)")
            }
        }
        return database
    }

    /// What was played before is the play whose end lies nearest to this one's begin, at most half an hour before it or a
    /// minute after it: where several people listen, each has a sequence of one's own, and players open the next track a
    /// little early. A track that is repeated follows on nothing.
    private static let play = """
        UPDATE accesses SET is_play = 1, previous = (
            SELECT CASE WHEN p.file = a.file THEN NULL ELSE p.file END FROM accesses a JOIN accesses p
                ON p.time BETWEEN a.time - \(hour * 12) AND a.time
            WHERE a.id = ?1 AND p.id <> a.id AND p.is_play = 1 AND p.time + p.held - a.time BETWEEN -\(hour / 2) AND \(hour / 60)
            ORDER BY abs(p.time + p.held - a.time), p.time DESC LIMIT 1)
        WHERE id = ?1
        """
    private static let hour: Int64 = 3_600_000_000_000

    /// Whether the file at its path is still the one that was opened.
    var isInPlace: Bool {
        guard let status = try? FileStatus.of(path) else { return false }
        return status.inode == identity.inode && status.device == identity.device
    }

    func transaction<R>(_ body: () throws -> R) throws -> R { try database.transaction(body) }
    func checkpoint() throws(SQLiteError) { try database.checkpoint() }
    func problems(isFull: Bool) throws(SQLiteError) -> [String] { try database.integrityProblems(full: isFull) }

    // MARK: Writing

    func add(_ opening: History.Opening) throws(SQLiteError) {
        defer { addAccess.reset() }
        addAccess.bind(1, try id(of: opening.file))
        addAccess.bind(2, opening.time)
        addAccess.bind(3, Int64(localHour(opening.time)))
        guard try addAccess.step() else { return }
        addOpen.bind(1, Int64(bitPattern: opening.handle))
        addOpen.bind(2, addAccess.integer(0))
        addOpen.bind(3, Int64(clamping: opening.since))
        addOpen.bind(4, Int64(clamping: opening.needed))
        try addOpen.run()
    }

    private func id(of file: OriginPath) throws(SQLiteError) -> Int64 {
        defer {
            findFile.reset()
            addFile.reset()
        }
        findFile.bind(1, file.origin)
        findFile.bind(2, file.path)
        if try findFile.step() { return findFile.integer(0) }
        addFile.bind(1, file.origin)
        addFile.bind(2, file.path)
        _ = try addFile.step()
        return addFile.integer(0)
    }

    /// A handle that is not known was opened while nothing could be noted; or it was told before.
    ///
    /// - Returns: whether it was a play.
    func release(_ handle: UInt64, at time: UInt64) throws(SQLiteError) -> Bool {
        findOpen.bind(1, Int64(bitPattern: handle))
        let open = try findOpen.step() ? (findOpen.integer(0), findOpen.integer(1), findOpen.integer(2)) : nil
        findOpen.reset()
        guard let (access, since, needed) = open else { return false }
        dropOpen.bind(1, Int64(bitPattern: handle))
        try dropOpen.run()
        let (held, isLess) = Int64(clamping: time).subtractingReportingOverflow(since)
        guard !isLess, held >= 0 else { return false }
        setHeld.bind(1, access)
        setHeld.bind(2, held)
        try setHeld.run()
        guard held >= needed else { return false }
        setPlay.bind(1, access)
        try setPlay.run()
        return true
    }

    func handles() throws(SQLiteError) -> [UInt64] {
        let statement = try database.prepare("SELECT handle FROM opens ORDER BY since")
        var handles: [UInt64] = []
        while try statement.step() { handles.append(UInt64(bitPattern: statement.integer(0))) }
        return handles
    }

    func forgetHandles() throws(SQLiteError) {
        // Without a row nothing is written.
        if try database.integer("SELECT 1 FROM opens LIMIT 1") != nil { try database.execute("DELETE FROM opens") }
    }

    /// - Returns: how many accesses went.
    func prune(before limit: Int64, kept: Int64) throws -> Int64 {
        let old = try database.prepare("SELECT 1 FROM accesses WHERE time < ? LIMIT 1")
        old.bind(1, limit)
        let isOld = try old.step()
        old.reset()
        let others = try database.integer("SELECT count(*) FROM accesses WHERE is_play = 0") ?? 0
        // Room for some more, so that not each access has another one go.
        let isMany = others > kept + kept / 10
        guard isOld || isMany else { return 0 }
        return try database.transaction {
            let drop = try database.prepare(
                "DELETE FROM accesses WHERE time < ? AND id NOT IN (SELECT access FROM opens)")
            drop.bind(1, limit)
            try drop.run()
            var count = database.changes
            if isMany {
                let shorten = try database.prepare(
                    """
                    DELETE FROM accesses WHERE is_play = 0 AND id NOT IN (SELECT access FROM opens) AND id <= (
                        SELECT id FROM accesses WHERE is_play = 0 ORDER BY id DESC LIMIT 1 OFFSET ?)
                    """)
                shorten.bind(1, kept)
                try shorten.run()
                count += database.changes
            }
            // What was played before a file is named too: its number is not to become another's.
            try database.execute(
                """
                DELETE FROM files WHERE id NOT IN (SELECT file FROM accesses)
                    AND id NOT IN (SELECT previous FROM accesses WHERE previous IS NOT NULL)
                """)
            return count
        }
    }
}
