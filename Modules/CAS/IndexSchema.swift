import MusicFSSQLite
import MusicFSSystem

/// The tables of cas.db: which chunks there are, and which versions they make up. Derived from the packs.
///
/// A chunk's place stands with each of its entries too, so that a version is opened by reading rows that lie together.
enum IndexSchema {
    static let version: Int64 = 2

    static let statements = """
        CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE chunks(
            id BLOB PRIMARY KEY, length INTEGER NOT NULL, uses INTEGER NOT NULL, pack INTEGER NOT NULL,
            position INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE packs(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, chunks INTEGER NOT NULL);
        CREATE TABLE manifests(
            id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, payload_start INTEGER,
            payload_end INTEGER, origin TEXT NOT NULL, queue INTEGER NOT NULL, rank INTEGER NOT NULL,
            frequency INTEGER NOT NULL, is_pinned INTEGER NOT NULL, bytes INTEGER NOT NULL);
        CREATE INDEX manifests_by_rank ON manifests(queue, rank) WHERE is_pinned = 0;
        CREATE TABLE entries(
            manifest INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, chunk BLOB NOT NULL,
            pack INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY(manifest, offset)) WITHOUT ROWID;
        CREATE INDEX entries_by_chunk ON entries(chunk);
        CREATE TABLE ghosts(key BLOB PRIMARY KEY, rank INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX ghosts_by_rank ON ghosts(rank);
        CREATE TABLE pins(key BLOB PRIMARY KEY) WITHOUT ROWID;
        """

    /// Opens the index; what is no database, or another version's, is moved aside.
    ///
    /// - Returns: whether it was made anew.
    static func open(_ path: FilePath) throws -> (database: Database, isNew: Bool) {
        do {
            return try connect(path)
        } catch let error as SQLiteError where error.meaning == .damage {
            try DatabaseFile.setAside(path)
            return try connect(path)
        }
    }

    private static func connect(_ path: FilePath) throws -> (database: Database, isNew: Bool) {
        var database = try Database.open(path, .readWrite, busyTimeout: 30_000, cacheKibibytes: 4096)
        let found = try DatabaseFile.version(database, .chunkIndex)
        var isNew = found == nil
        if let found, found != version {
            try DatabaseFile.setAside(path)
            database = try Database.open(path, .readWrite, busyTimeout: 30_000, cacheKibibytes: 4096)
            isNew = true
        }
        try database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=16777216")
        if isNew {
            try database.transaction {
                try database.execute(DatabaseFile.Kind.chunkIndex.statement + statements)
                try database.execute("PRAGMA user_version=\(version)")
            }
        }
        return (database, isNew)
    }
}
