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
            let temporary = target.suffixed(".tmp")
            try DatabaseFile.remove(temporary)
            do {
                let database = try Database.open(temporary, .readWrite)
                try database.execute(
                    """
                    \(DatabaseFile.Kind.backup.statement) PRAGMA user_version=\(version); PRAGMA journal_mode=OFF;
                    CREATE TABLE files(name TEXT PRIMARY KEY, size INTEGER NOT NULL);
                    CREATE TABLE parts(name TEXT, number INTEGER, bytes BLOB, hash BLOB, PRIMARY KEY(name, number))
                    """)
                try database.transaction { for (name, path) in files { try add(name, path, database) } }
                let file = try open(temporary, [.readWrite])
                try synchronize(file.raw)
                try rename(temporary, to: target)
            } catch {
                try? unlink(temporary)
                throw error
            }
        }
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

    /// Takes files out of a backup.
    ///
    /// - Parameter targets: where the file of each name is to be written.
    /// - Returns: the names that were in it.
    /// - Throws: `.damaged` where it is no backup, or not what was written; nothing is at the targets then.
    package static func extract(
        _ source: FilePath, to targets: [(name: String, path: FilePath)]
    ) throws(CacheError) -> [String] {
        do throws(CacheError) {
            return try take(source, targets)
        } catch {
            guard error.code == .damaged, let cause = error.cause else { throw error }
            throw CacheError(.damaged, "\(source) is damaged, or no backup of MusicFS: \(cause)")
        }
    }

    private static func take(
        _ source: FilePath, _ targets: [(name: String, path: FilePath)]
    ) throws(CacheError) -> [String] {
        try wrapping("restore \(source)") {
            // Or else SQLite would make one.
            _ = try FileStatus.of(source)
            let database = try Database.open(source, .readOnly)
            guard try DatabaseFile.version(database, .backup) == version else {
                throw CacheError(.newerSchema, "\(source) was made by a newer MusicFS")
            }
            var found: [String] = []
            do {
                for (name, target) in targets where try take(name, to: target, database) { found.append(name) }
            } catch {
                for (_, target) in targets { try? unlink(target) }
                throw error
            }
            return found
        }
    }

    private static func take(_ name: String, to target: FilePath, _ database: Database) throws -> Bool {
        let known = try database.prepare("SELECT size FROM files WHERE name = ?")
        known.bind(1, name)
        guard try known.step() else { return false }
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
        return true
    }
}
