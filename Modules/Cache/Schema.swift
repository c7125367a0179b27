import MusicFSSQLite

/// The tables of library.db.
///
/// Ids are given out by counters in `meta` that are saved in the same transaction as the rows that use them: they are
/// never used twice, and a row is written once, complete. Names and paths are blobs: file systems know bytes.
enum Schema {
    /// Raised when the tables change. The library is derived: a different number means that it is built anew.
    static let version: Int64 = 3

    static let statements = """
        CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE origins(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, root BLOB NOT NULL,
            priority INTEGER NOT NULL, device INTEGER, suspect TEXT, last_scan INTEGER,
            is_forgotten INTEGER NOT NULL DEFAULT 0, is_cached INTEGER NOT NULL, audio INTEGER NOT NULL DEFAULT 0,
            companions INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE scans(
            origin INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, phase TEXT NOT NULL, started INTEGER NOT NULL,
            files_seen INTEGER NOT NULL, last_folder BLOB);
        CREATE TABLE folders(
            id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, path BLOB NOT NULL,
            audio INTEGER NOT NULL DEFAULT 0, companions INTEGER NOT NULL DEFAULT 0, target INTEGER,
            UNIQUE(origin, path));
        CREATE TABLE replicas(
            id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL, kind INTEGER NOT NULL,
            origin INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL, inode INTEGER NOT NULL,
            track INTEGER, node INTEGER, is_secondary INTEGER NOT NULL DEFAULT 0,
            head BLOB, tail BLOB, audio BLOB, etag BLOB, is_postponed INTEGER NOT NULL,
            UNIQUE(folder, name));
        CREATE INDEX replicas_by_audio ON replicas(audio) WHERE audio IS NOT NULL;
        CREATE INDEX replicas_by_node ON replicas(node) WHERE is_secondary = 1;
        CREATE TABLE albums(
            id INTEGER PRIMARY KEY, artist TEXT NOT NULL, title TEXT NOT NULL, multidisc INTEGER NOT NULL,
            UNIQUE(artist, title));
        CREATE TABLE tracks(
            id INTEGER PRIMARY KEY, replica INTEGER NOT NULL, album INTEGER, is_readable INTEGER NOT NULL,
            title TEXT, artist TEXT, album_title TEXT, album_artist TEXT, genre TEXT, composer TEXT,
            year INTEGER, track INTEGER, disc INTEGER, disc_total INTEGER, duration_ms INTEGER,
            format TEXT NOT NULL, added INTEGER NOT NULL, report BLOB);
        CREATE INDEX tracks_by_album ON tracks(album) WHERE album IS NOT NULL;
        CREATE INDEX tracks_by_added ON tracks(added);
        CREATE INDEX tracks_by_year ON tracks(year) WHERE year IS NOT NULL;
        CREATE TABLE quarantine(
            replica INTEGER PRIMARY KEY, reason TEXT NOT NULL, since INTEGER NOT NULL);
        CREATE TABLE nodes(
            id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name BLOB NOT NULL, kind INTEGER NOT NULL,
            version INTEGER NOT NULL, origin INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
            links INTEGER NOT NULL, replica INTEGER, wanted BLOB);
        CREATE UNIQUE INDEX nodes_by_name ON nodes(parent, name);
        CREATE INDEX nodes_by_cookie ON nodes(parent, id);
        CREATE TABLE versions(
            id INTEGER PRIMARY KEY, node INTEGER NOT NULL, replica INTEGER NOT NULL, track INTEGER,
            origin INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL, inode INTEGER NOT NULL,
            etag BLOB, key BLOB, payload_start INTEGER, payload_end INTEGER);
        CREATE TABLE tombstones(version INTEGER PRIMARY KEY, connection INTEGER NOT NULL);
        CREATE TABLE changes(sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, id INTEGER NOT NULL, name BLOB);
        INSERT INTO nodes VALUES(1, 0, x'', 0, 0, 0, 0, 0, 2, NULL, NULL);
        """

    /// What a track or companion row's `kind` says.
    enum ReplicaKind: Int64 { case audio = 0, companion = 1 }

    /// What a row of `changes` tells.
    enum ChangeKind: Int64 {
        /// `id` is a track that was added or whose tags or place changed.
        case track = 0
        /// `id` is a track that is gone.
        case trackRemoved = 1
        /// `id` is a directory and `name` an entry of it that the kernel may know wrongly.
        case entry = 2
        /// `id` is a directory whose listing changed.
        case directory = 3
    }
}
