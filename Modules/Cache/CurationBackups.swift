import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// The backups of curation.db, `curation-2026-11-21.db` and so on, one of each day.
///
/// Each holds a number, by which they are ordered, as clocks are set back and forth; and what the file looked like that
/// it was made from.
struct CurationBackups {
    let directory: FilePath

    private static let kept = 7

    struct Backup: Hashable {
        var path: FilePath
        /// One more than that of the backup before it; 0 where none can be read.
        var sequence: Int64 = 0
        var modified: Int64 = 0
        /// What it was made from.
        var source: FileStamp?
    }

    /// From the newest on.
    ///
    /// - Throws: where there may be more than can be told.
    func all() throws(CacheError) -> [Backup] {
        let found = try wrapping("look for backups in \(directory)") {
            let names = try list().map { String(decoding: $0.name, as: UTF8.self) }.filter {
                $0.hasPrefix("curation-") && $0.hasSuffix(".db")
            }
            return try names.map { try read(directory.appending($0)) }
        }
        return found.sorted {
            ($0.sequence, $0.modified, $0.path.description) > ($1.sequence, $1.modified, $1.path.description)
        }
    }

    /// Without the directory there are none.
    private func list() throws(SystemError) -> [DirectoryEntry] {
        let folder: OwnedFD
        do throws(SystemError) { folder = try open(directory, [.read, .directory]) } catch {
            if error.errno == .noEntry { return [] }
            throw error
        }
        return try listDirectory(folder.raw, path: directory)
    }

    /// One that is damaged has no number, and is the oldest.
    private func read(_ path: FilePath) throws -> Backup {
        var backup = Backup(path: path, modified: try FileStatus.of(path).modified)
        do throws(SQLiteError) {
            let database = try Database.open(path, .readOnly)
            guard try database.integer("SELECT 1 FROM sqlite_master WHERE name = 'backup'") != nil else {
                return backup
            }
            let row = try database.prepare("SELECT sequence, size, modified, inode FROM backup")
            guard try row.step() else { return backup }
            backup.sequence = row.integer(0)
            backup.source = FileStamp(
                size: row.integer(1), modified: row.integer(2), inode: UInt64(bitPattern: row.integer(3)))
        } catch {
            // A process that is short of descriptors says nothing about the file.
            if error.meaning == .other { throw error }
        }
        return backup
    }

    /// The newest that passes a full check.
    ///
    /// - Returns: nil where all are damaged, or there is none.
    /// - Throws: where one that may be good cannot be looked at; an older one is not to take its place.
    func newestGood() throws(CacheError) -> FilePath? {
        for backup in try all() {
            do throws(CacheError) {
                if try CurationFile.problems(backup.path, isFull: true).isEmpty { return backup.path }
            } catch  where error.code == .disk { continue }
        }
        return nil
    }

    /// - Parameter source: what the database's file looks like.
    /// - Throws: SQLiteError, SystemError or CacheError; older ones are as they were then.
    func write(_ database: Database, source: FileStamp?) throws -> FilePath {
        try createDirectories(directory, mode: 0o700)
        let target = directory.appending("curation-\(CalendarTime(nanoseconds: wallClockNanoseconds()).date).db")
        let last = try all().first?.sequence ?? 0
        try DatabaseFile.write(database, to: target) { copy in
            // It is there already in one that was restored from a backup.
            try copy.execute("DROP TABLE IF EXISTS backup; CREATE TABLE backup(sequence, size, modified, inode)")
            let row = try copy.prepare("INSERT INTO backup VALUES(?, ?, ?, ?)")
            row.bind(1, last == .max ? last : last + 1)
            row.bind(2, source?.size)
            row.bind(3, source?.modified)
            row.bind(4, source.map { Int64(bitPattern: $0.inode) })
            try row.run()
        }
        for old in try all().dropFirst(Self.kept) where old.path != target { try unlink(old.path) }
        return target
    }
}
