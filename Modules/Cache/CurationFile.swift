import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// The file curation.db: opened, made, looked through, kept out of the way.
///
/// | version | what it added |
/// |---|---|
/// | 1 | pins |
/// | 2 | collections |
///
/// A file stays of its version until something is to be written that the version has no place for: then the tables are
/// added, in the same transaction. So an older MusicFS can use it as long as there is nothing in it that it does not know,
/// and refuses it, without changing it, from then on.
struct CurationFile: Sendable {
    static let schemaVersion: Int64 = 2
    /// Files up to this size are looked through at each opening, bytes; larger ones in the background.
    private static let quickSize: Int64 = 16 << 20
    /// Files that were kept out of the way, of each kind.
    private static let kept = 10

    let path: FilePath

    /// nil where there is none.
    private var status: FileStatus? {
        get throws(SystemError) {
            do throws(SystemError) { return try FileStatus.of(path) } catch  where error.errno == .noEntry {
                return nil
            }
        }
    }

    private var isJournalThere: Bool { (try? FileStatus.of(path.suffixed("-journal"))) != nil }

    var stamp: FileStamp? { (try? FileStatus.of(path)).map { FileStamp($0) } }

    // MARK: Opening

    /// - Returns: nil where there is none, or one with nothing in it: it was never made to its end.
    /// - Throws: `.damaged`, `.newerSchema`, `.disk` or `.failed`.
    func open() throws(CacheError) -> Database? {
        try wrapping("open \(path)") {
            guard let size = try status?.size, size > 0 || isJournalThere else { return nil }
            let database = try connect()
            guard let version = try DatabaseFile.version(database, .curation) else {
                // A journal has taken back what was half made.
                if try status?.size ?? 0 == 0 { return nil }
                throw CacheError(.damaged, "\(path) holds nothing of MusicFS")
            }
            try Self.check(version, path)
            if try status?.size ?? 0 <= Self.quickSize {
                let problems = try database.integrityProblems(full: false)
                if let first = problems.first { throw CacheError(.damaged, "\(path): \(first)") }
            }
            return database
        }
    }

    private func connect() throws -> Database {
        let database = try Database.open(path, .readWrite, busyTimeout: 10_000)
        // One connection, few writes, all of which matter.
        try database.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL")
        return database
    }

    /// Makes an empty one where there is none.
    func make() throws(CacheError) -> Database {
        try wrapping("make \(path)") {
            // A journal without its database would be taken for that of this one.
            try DatabaseFile.remove(path)
            let database = try connect()
            try database.transaction {
                try database.execute(
                    """
                    \(DatabaseFile.Kind.curation.statement)
                    CREATE TABLE pins(origin TEXT NOT NULL, path BLOB NOT NULL, since INTEGER NOT NULL,
                        PRIMARY KEY(origin, path)) WITHOUT ROWID;
                    PRAGMA user_version=1
                    """)
            }
            return database
        }
    }

    /// Adds what this version of MusicFS knows and the file has no place for. Only within a transaction.
    static func migrate(_ database: Database) throws(SQLiteError) {
        guard try !hasCollections(database) else { return }
        try database.execute(
            """
            CREATE TABLE collections(name TEXT PRIMARY KEY, definition TEXT NOT NULL, created INTEGER NOT NULL,
                updated INTEGER NOT NULL) WITHOUT ROWID;
            PRAGMA user_version=\(schemaVersion)
            """)
    }

    static func hasCollections(_ database: Database) throws(SQLiteError) -> Bool {
        try database.integer("PRAGMA user_version") ?? 0 >= 2
    }

    private static func check(_ version: Int64, _ path: FilePath) throws(CacheError) {
        guard version > schemaVersion else { return }
        throw CacheError(.newerSchema, "\(path) was made by a newer MusicFS; use that, or a later one")
    }

    // MARK: Looking through

    /// Looks a file through that may be open elsewhere.
    ///
    /// - Returns: what is wrong with it.
    /// - Throws: where that cannot be told, or a newer MusicFS has made it.
    static func problems(_ path: FilePath, isFull: Bool) throws(CacheError) -> [String] {
        do throws(CacheError) {
            return try wrapping("check \(path)") {
                let database = try Database.open(path, .readOnly)
                guard let version = try DatabaseFile.version(database, .curation) else {
                    return ["it holds nothing of MusicFS"]
                }
                try check(version, path)
                let problems = try database.integrityProblems(full: isFull)
                // Whether all tables are there.
                _ = try database.integer("SELECT since FROM pins LIMIT 1")
                if version >= 2 { _ = try database.integer("SELECT updated FROM collections LIMIT 1") }
                return problems
            }
        } catch {
            guard error.code == .damaged else { throw error }
            return [error.message]
        }
    }

    /// Whether the file is bad beyond doubt: it is not enough that some statement failed.
    func isDamaged(isFull: Bool = false) -> Bool { (try? Self.problems(path, isFull: isFull))?.isEmpty == false }

    // MARK: Keeping

    private static let words = ["damaged", "before-restore"]
    private func prefix(_ word: String) -> [UInt8] { Array(path.lastComponent) + Array(".\(word)-".utf8) }

    /// Files that were kept out of the way, by their numbers; the latest has the greatest.
    private func keptFiles(_ word: String) throws(SystemError) -> [Int64] {
        let prefix = prefix(word)
        let folder = try MusicFSSystem.open(path.parent, [.read, .directory])
        return try listDirectory(folder.raw, path: path.parent).compactMap { entry in
            guard entry.name.starts(with: prefix) else { return nil }
            return Int64(String(decoding: entry.name.dropFirst(prefix.count), as: UTF8.self))
        }
    }

    private func kept(_ word: String, _ number: Int64) -> FilePath { path.suffixed(".\(word)-\(number)") }

    /// Whether one was ever kept out of the way.
    var wasKept: Bool {
        get throws(SystemError) {
            for word in Self.words where try !keptFiles(word).isEmpty { return true }
            return false
        }
    }

    /// Renames the file out of the way, which nobody may have open, and removes all but the newest of the kind.
    ///
    /// - Returns: where it is now.
    @discardableResult
    func keep(as word: String) throws(SystemError) -> FilePath {
        let numbers = try keptFiles(word).sorted()
        // Whatever the clock says, it is the newest.
        let now = wallClockNanoseconds() / 1_000_000_000
        let last = numbers.last ?? 0
        let target = kept(word, last < now ? now : last == .max ? last : last + 1)
        try DatabaseFile.move(path, to: target)
        for number in numbers.dropLast(Self.kept - 1) { try? DatabaseFile.remove(kept(word, number)) }
        return target
    }
}
