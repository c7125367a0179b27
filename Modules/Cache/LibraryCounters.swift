import MusicFSSQLite

/// The next id of each table, and the totals that status and statfs show; saved with every batch.
struct LibraryCounters: Hashable, Sendable {
    var nextNode: Int64 = 2
    var nextVersion: Int64 = 1
    var nextReplica: Int64 = 1
    var nextTrack: Int64 = 1
    var nextFolder: Int64 = 1
    var nextAlbum: Int64 = 1
    var nextChange: Int64 = 1
    /// Counts the mounts: what a connection of the kernel may know ends with it.
    var connection: Int64 = 0
    var files: Int64 = 0
    var directories: Int64 = 1
    var bytes: Int64 = 0
    var tracks: Int64 = 0

    private static let keys: [(String, any WritableKeyPath<LibraryCounters, Int64> & Sendable)] = [
        ("next_node", \.nextNode), ("next_version", \.nextVersion), ("next_replica", \.nextReplica),
        ("next_track", \.nextTrack), ("next_folder", \.nextFolder), ("next_album", \.nextAlbum),
        ("next_change", \.nextChange), ("connection", \.connection), ("files", \.files), ("directories", \.directories),
        ("bytes", \.bytes),
        ("tracks", \.tracks),
    ]

    static func load(_ database: Database) throws(SQLiteError) -> LibraryCounters {
        var counters = LibraryCounters()
        let statement = try database.prepare("SELECT value FROM meta WHERE key = ?")
        for (key, path) in keys {
            statement.bind(1, key)
            if try statement.step() {
                let value = statement.integer(0)
                // More than there can ever be: what was written was something else.
                guard (0...(1 << 53)).contains(value) else {
                    throw SQLiteError(extendedCode: 11, message: "\(key) is \(value)", context: "meta")
                }
                counters[keyPath: path] = value
            }
            statement.reset()
        }
        return counters
    }

    func save(_ statement: Statement, unless saved: LibraryCounters?) throws(SQLiteError) {
        for (key, path) in LibraryCounters.keys where saved?[keyPath: path] != self[keyPath: path] {
            statement.bind(1, key)
            statement.bind(2, self[keyPath: path])
            try statement.run()
        }
    }
}

/// What the library holds, for status and statfs.
package struct LibraryTotals: Hashable, Sendable {
    package var tracks: Int64
    package var files: Int64
    package var directories: Int64
    package var bytes: Int64

    package init(tracks: Int64 = 0, files: Int64 = 0, directories: Int64 = 1, bytes: Int64 = 0) {
        self.tracks = tracks
        self.files = files
        self.directories = directories
        self.bytes = bytes
    }
}
