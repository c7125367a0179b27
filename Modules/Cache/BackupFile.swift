import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

/// A backup that a user asked for: a database with the stores' files in it, cut into parts, each with its XXH3.
package enum BackupFile {
    private static let version: Int64 = 1
    private static let partSize = 1 << 20

    /// - Parameter files: the names that they have in the backup, and where they lie. Nobody may write to them.
    /// - Throws: `.disk` or `.failed`; nothing is at `target` then, or what was there before.
    package static func write(_ files: [(name: String, path: FilePath)], to target: FilePath) throws(CacheError) {
        try wrapping("back up to \(target)") {
            let temporary = try DatabaseFile.makeTemporary(beside: target)
            do {
                try fill(temporary, files)
                try DatabaseFile.put(temporary, at: target)
            } catch {
                try? unlink(temporary)
                throw error
            }
        }
    }

    private static func fill(_ target: FilePath, _ files: [(name: String, path: FilePath)]) throws {
        let database = try Database.open(target, .readWrite)
        try database.execute(
            """
            PRAGMA journal_mode=OFF; \(DatabaseFile.Kind.backup.statement) PRAGMA user_version=\(version);
            CREATE TABLE files(name TEXT PRIMARY KEY, size INTEGER NOT NULL);
            CREATE TABLE parts(name TEXT, number INTEGER, bytes BLOB, hash BLOB, PRIMARY KEY(name, number))
            """)
        try database.transaction { for (name, path) in files { try add(name, path, database) } }
    }

    /// Makes an empty file beside another, of a name that nobody has.
    package static func makeTemporary(beside path: FilePath) throws(CacheError) -> FilePath {
        try wrapping("write beside \(path)") { try DatabaseFile.makeTemporary(beside: path) }
    }

    private static func add(_ name: String, _ path: FilePath, _ database: Database) throws {
        let file = try open(path, [.read])
        let size = try FileStatus.of(file).size
        let enter = try database.prepare("INSERT INTO files VALUES(?, ?)")
        enter.bind(1, name)
        enter.bind(2, size)
        try enter.run()
        let insert = try database.prepare("INSERT INTO parts VALUES(?, ?, ?, ?)")
        for (number, offset) in stride(from: Int64(0), to: size, by: partSize).enumerated() {
            let bytes = try readFully(file.raw, at: offset, count: Int(min(Int64(partSize), size - offset)))
            insert.bind(1, name)
            insert.bind(2, Int64(number))
            insert.bind(3, bytes)
            insert.bind(4, ContentHash.xxh3(bytes))
            try insert.run()
        }
    }

    /// - Returns: the names of the files in a backup.
    /// - Throws: `.damaged` where it is no backup, `.newerSchema`, or what prevents reading it.
    package static func names(_ source: FilePath) throws(CacheError) -> [String] {
        try reading(source) { database in
            let statement = try database.prepare("SELECT name FROM files ORDER BY name")
            var names: [String] = []
            while try statement.step() { names.append(statement.text(0)) }
            return names
        }
    }

    /// Takes a file out of a backup, in place of what is at `target`, and writes it to the disk.
    ///
    /// - Throws: `.damaged` where it is not what was written, or not in it; nothing is at the target then.
    package static func extract(_ name: String, from source: FilePath, to target: FilePath) throws(CacheError) {
        try reading(source) { database in
            do { try take(name, to: target, database) } catch {
                try? unlink(target)
                throw error
            }
        }
    }

    private static func reading<R>(_ source: FilePath, _ body: (Database) throws -> R) throws(CacheError) -> R {
        do throws(CacheError) {
            return try wrapping("read \(source)") {
                // Or else SQLite would make one.
                _ = try FileStatus.of(source)
                let database = try Database.open(source, .readOnly)
                guard let found = try DatabaseFile.version(database, .backup) else {
                    throw SQLiteError(extendedCode: 26, message: "it is empty", context: "application_id")
                }
                guard found <= version else {
                    throw CacheError(.newerSchema, "\(source) was made by a newer MusicFS")
                }
                return try body(database)
            }
        } catch {
            guard error.code == .damaged, let cause = error.cause else { throw error }
            throw CacheError(.damaged, "\(source) is damaged, or no backup of MusicFS: \(cause)")
        }
    }

    private static func take(_ name: String, to target: FilePath, _ database: Database) throws {
        let known = try database.prepare("SELECT size FROM files WHERE name = ?")
        known.bind(1, name)
        guard try known.step() else { throw CacheError(.damaged, "\(name) is not in the backup") }
        let size = known.integer(0)
        let file = try open(target, [.write, .create, .truncate])
        let select = try database.prepare("SELECT number, bytes, hash FROM parts WHERE name = ? ORDER BY number")
        select.bind(1, name)
        var next: Int64 = 0
        var written: Int64 = 0
        while try select.step() {
            let bytes = select.bytes(1)
            guard select.integer(0) == next, ContentHash.xxh3(bytes) == select.bytes(2) else {
                throw CacheError(.damaged, "the backup is damaged: part \(next) of \(name) is not what was written")
            }
            try writeFully(file.raw, bytes)
            written += Int64(bytes.count)
            next += 1
        }
        guard written == size else {
            throw CacheError(.damaged, "the backup is damaged: \(name) has \(written) bytes instead of \(size)")
        }
        try synchronize(file.raw)
    }
}
