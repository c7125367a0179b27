package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem
import Synchronization

/// A file that is to be kept in the cache, by where it lies: what it is called in the mount may change.
package struct Pin: Hashable, Sendable {
    /// The configuration's id of the origin.
    package var origin: String
    /// Below the origin's root.
    package var path: [UInt8]

    package init(origin: String, path: [UInt8]) {
        self.origin = origin
        self.path = path
    }
}

/// curation.db: what people made, pins for the time being. It cannot be had from the origins: it is backed up whenever it
/// has changed, never begun anew where there was one, and a damaged one is kept beside the backup that took its place.
package final class Curation: Sendable {
    package static let fileName = "curation.db"
    /// What `restore` puts beside it; it is taken at the next opening.
    package static let restoreName = "curation.db.restore"
    static let schemaVersion: Int64 = 1

    private let directory: FilePath
    private let log: Logger
    private let state: Mutex<State>

    // A connection is not Sendable; this one lives and dies inside the lock.
    private struct State: ~Copyable {
        var database: Database?
        /// Why it cannot be used; nil where it can.
        var problem: String?
        /// What the file looked like when this process had written or opened it.
        var stamp: FileStamp?
        /// What was last backed up: `PRAGMA data_version` does not see one's own changes, so they are counted here.
        var changes = 0
        var backedUp = 0
    }

    /// Opens it in the state directory of an instance, or makes it, or restores it. What is wrong is in `problem`.
    package init(_ directory: FilePath, log: Logger) {
        self.directory = directory
        self.log = log
        state = Mutex(State())
        state.withLock { open(&$0) }
    }

    package var path: FilePath { directory.appending(Self.fileName) }
    private var backups: CurationBackups { CurationBackups(directory: directory.appending("backups")) }

    /// What is wrong with it and what to do about it; nil when nothing is.
    package var problem: String? { state.withLock { $0.problem } }

    // MARK: Opening

    private func open(_ state: inout State) {
        state.database = nil
        state.problem = nil
        do {
            try takeRestored()
            if (try? FileStatus.of(path)) == nil { try restoreLost() }
            state.database = try connect()
            state.stamp = stamp
        } catch {
            guard (error as? CacheError)?.code == .damaged else {
                state.problem = "curation: \(error)"
                return log.error("what was curated cannot be used", metadata: ["error": "\(error)"])
            }
            restoreDamaged(&state, because: error)
        }
    }

    private func takeRestored() throws {
        let restored = directory.appending(Self.restoreName)
        guard (try? FileStatus.of(restored)) != nil else { return }
        if (try? FileStatus.of(path)) != nil { try keep(as: "before-restore") }
        try rename(restored, to: path)
        log.notice("what was curated is that of a backup now", metadata: ["path": "\(path)"])
    }

    /// Deleted, by mistake or with everything else.
    private func restoreLost() throws {
        guard let backup = backups.newestGood else { return }
        log.error("what was curated is gone; its last backup takes its place", metadata: ["backup": "\(backup)"])
        try LibraryFile.copy(backup, to: path)
    }

    private func restoreDamaged(_ state: inout State, because: any Error) {
        do {
            guard let backup = backups.newestGood else {
                state.problem =
                    "curation: \(path) is damaged and there is no good backup; restore one with 'musicfs restore FILE', or "
                    + "move the file away to begin anew"
                return log.error("what was curated is damaged", metadata: ["path": "\(path)", "error": "\(because)"])
            }
            let kept = try keep(as: "damaged")
            try LibraryFile.copy(backup, to: path)
            state.database = try connect()
            state.stamp = stamp
            log.error(
                "what was curated was damaged; its last backup took its place",
                metadata: ["kept": "\(kept)", "backup": "\(backup)", "error": "\(because)"])
        } catch {
            state.problem = "curation: \(error)"
            log.error("what was curated cannot be restored", metadata: ["error": "\(error)"])
        }
    }

    /// Renames the file out of the way, for ever.
    @discardableResult
    private func keep(as word: String) throws(SystemError) -> FilePath {
        let kept = path.suffixed(".\(word)-\(wallClockNanoseconds() / 1_000_000_000)")
        try rename(path, to: kept)
        // Its journal is of no use without it, and would be taken for the next one's.
        try? unlink(path.suffixed("-journal"))
        return kept
    }

    /// Files up to this size are looked through at each opening, bytes; larger ones in the background.
    private static let quickSize: Int64 = 16 << 20

    private func connect() throws(CacheError) -> Database {
        try wrapping("open \(path)") {
            let isNew = (try? FileStatus.of(path)) == nil
            let database = try Database.open(path, .readWrite, busyTimeout: 10_000)
            // One connection, few writes, all of which matter.
            try database.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL")
            let version = try DatabaseFile.version(database, .curation)
            if let version, version > Self.schemaVersion {
                throw CacheError(.newerSchema, "\(path) was made by a newer MusicFS")
            }
            if version == nil {
                guard isNew else { throw CacheError(.damaged, "\(path) holds nothing of MusicFS") }
                try database.transaction {
                    try database.execute(
                        """
                        \(DatabaseFile.Kind.curation.statement)
                        CREATE TABLE pins(origin TEXT NOT NULL, path BLOB NOT NULL, since INTEGER NOT NULL,
                            PRIMARY KEY(origin, path)) WITHOUT ROWID;
                        PRAGMA user_version=\(Self.schemaVersion)
                        """)
                }
            } else if try FileStatus.of(path).size <= Self.quickSize {
                let problems = try database.integrityProblems(full: false)
                if let first = problems.first { throw CacheError(.damaged, "\(path): \(first)") }
            }
            return database
        }
    }

    /// Uses the database; a damaged one is replaced by its backup, once.
    private func using<R: Sendable>(_ doing: String, _ body: (Database) throws -> R) throws(CacheError) -> R {
        try wrapping(doing) {
            try state.withLock { state in
                noticeChanges(&state)
                for isLast in [false, true] {
                    guard let database = state.database else { break }
                    do { return try body(database) } catch {
                        guard !isLast, (error as? SQLiteError)?.meaning == .damage else { throw error }
                        state.database = nil
                        restoreDamaged(&state, because: error)
                    }
                }
                throw CacheError(.failed, state.problem ?? "curation: it cannot be used")
            }
        }
    }

    /// - Returns: what is wrong with a file that nobody has open; nil when there is none.
    package static func problems(_ path: FilePath, isFull: Bool) throws(CacheError) -> [String]? {
        guard (try? FileStatus.of(path)) != nil else { return nil }
        do throws(CacheError) {
            return try wrapping("check \(path)") {
                let database = try Database.open(path, .readOnly)
                let problems = try database.integrityProblems(full: isFull)
                let version = try DatabaseFile.version(database, .curation)
                return problems + (version == nil ? ["it holds nothing of MusicFS"] : [])
            }
        } catch {
            guard error.code == .damaged else { throw error }
            return [error.message]
        }
    }

    // MARK: Pins

    package func pins() throws(CacheError) -> [Pin] {
        try using("read the pins") { database in
            let statement = try database.prepare("SELECT origin, path FROM pins ORDER BY origin, path")
            var pins: [Pin] = []
            while try statement.step() { pins.append(Pin(origin: statement.text(0), path: statement.bytes(1))) }
            return pins
        }
    }

    package func setPinned(_ pins: [Pin], _ isPinned: Bool) throws(CacheError) {
        try using("change the pins") { database in
            let statement = try database.prepare(
                isPinned
                    ? "INSERT OR IGNORE INTO pins VALUES(?1, ?2, ?3)"
                    : "DELETE FROM pins WHERE origin = ?1 AND path = ?2")
            try database.transaction {
                for pin in pins {
                    statement.bind(1, pin.origin)
                    statement.bind(2, pin.path)
                    if isPinned { statement.bind(3, wallClockNanoseconds()) }
                    try statement.run()
                }
            }
        }
        state.withLock { state in
            state.changes += 1
            state.stamp = stamp
        }
    }

    private var stamp: FileStamp? { (try? FileStatus.of(path)).map { FileStamp($0) } }

    /// Opens it anew where somebody else has changed, replaced or deleted the file: it is looked through then.
    package func followFile() { state.withLock { noticeChanges(&$0) } }

    private func noticeChanges(_ state: inout State) {
        guard state.database != nil, state.stamp != stamp else { return }
        log.warning("what was curated was changed by another program", metadata: ["path": "\(path)"])
        open(&state)
    }

    // MARK: Backups

    /// Writes today's backup where something has changed since the last; seven days are kept.
    ///
    /// - Returns: where it was written; nil where there was nothing to do.
    package func backUpIfChanged() throws(CacheError) -> FilePath? {
        let (changes, isDue) = state.withLock { ($0.changes, $0.changes != $0.backedUp) }
        guard isDue || backups.isStale(than: path) else { return nil }
        let target = try using("back up") { database in
            let problems = try database.integrityProblems(full: false)
            if let first = problems.first {
                throw SQLiteError(extendedCode: 11, message: first, context: "quick_check")
            }
            return try backups.write(database)
        }
        state.withLock { $0.backedUp = changes }
        return target
    }

    /// Writes all of it to a file.
    package func copy(to target: FilePath) throws(CacheError) {
        try using("copy to \(target)") { try DatabaseFile.write($0, to: target) }
    }

    /// Looks it through; a damaged one is replaced by its backup.
    ///
    /// - Returns: what was wrong with it.
    package func check(isFull: Bool) throws(CacheError) -> [String] {
        let problems = try using("check") { try $0.integrityProblems(full: isFull) }
        if let first = problems.first {
            state.withLock { state in
                state.database = nil
                restoreDamaged(&state, because: CacheError(.damaged, first))
            }
        }
        return problems
    }
}
