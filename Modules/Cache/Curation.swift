package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem
import Synchronization

/// curation.db: what people made: pins and collections. It cannot be had from the origins: it is backed up whenever it
/// has changed, never begun anew where there was one, and a damaged one is kept beside the backup that took its place.
package final class Curation: Sendable {
    package static let fileName = "curation.db"
    /// What `restore` puts beside it; it is taken at the next opening.
    package static let restoreName = "curation.db.restore"
    /// One that cannot be used is tried again after so long, nanoseconds, and when its file changes.
    private static let pause: UInt64 = 60_000_000_000

    private let directory: FilePath
    private let log: Logger
    private let state: Mutex<State>

    // A connection is not Sendable; this one lives and dies inside the lock.
    private struct State: ~Copyable {
        var database: Database?
        /// Why it cannot be used; nil where it can.
        var problem: String?
        /// What the file looked like when this process had written, opened or tried it.
        var stamp: FileStamp?
        /// What was found damaged, and replaced, since the last check.
        var healed: [String] = []
        /// CLOCK_MONOTONIC, nanoseconds.
        var nextTry: UInt64 = 0
        /// What was last backed up: two of one's own changes may give the file the same stamp, so they are counted here.
        var changes = 0
        var backedUp = 0
        /// Counts the changes by whomever, as far as they were noticed.
        var serial: UInt64 = 0
        /// The newest backup, with what it looked like when it was read.
        var lastBackup: (backup: CurationBackups.Backup, stamp: FileStamp)?
    }

    /// Opens it in the state directory of an instance, or makes it, or restores it. What is wrong is in `problem`.
    package init(_ directory: FilePath, log: Logger) {
        self.directory = directory
        self.log = log
        state = Mutex(State())
        state.withLock { open(&$0) }
    }

    package var path: FilePath { directory.appending(Self.fileName) }
    private var file: CurationFile { CurationFile(path: path) }
    private var backups: CurationBackups { CurationBackups(directory: directory.appending("backups")) }

    /// What is wrong with it and what to do about it; nil when nothing is.
    package var problem: String? { state.withLock { $0.problem } }

    /// Another number whenever something in it may have changed.
    package var serial: UInt64 { state.withLock { $0.serial } }

    // MARK: Opening

    private func open(_ state: inout State) {
        state.database = nil
        state.serial += 1
        do throws(CacheError) {
            try takeRestored()
            if let database = try file.open() {
                succeeded(&state, database)
            } else {
                succeeded(&state, try restoreLost())
            }
        } catch {
            if error.code == .damaged, file.isDamaged() {
                restoreDamaged(&state, because: error)
            } else {
                failed(&state, "curation: \(error)", because: error)
            }
        }
    }

    private func succeeded(_ state: inout State, _ database: Database) {
        if state.problem != nil { log.notice("what was curated can be used again", metadata: ["path": "\(path)"]) }
        state.database = database
        state.problem = nil
        state.stamp = file.stamp
    }

    private func failed(_ state: inout State, _ problem: String, because: any Error) {
        if state.problem != problem {
            log.error("what was curated cannot be used", metadata: ["path": "\(path)", "error": "\(because)"])
        }
        state.problem = problem
        state.stamp = file.stamp
        state.nextTry = monotonicNanoseconds() &+ Self.pause
    }

    /// What is there is kept, and stays where what was restored is bad.
    private func takeRestored() throws(CacheError) {
        let restored = directory.appending(Self.restoreName)
        guard (try? FileStatus.of(restored)) != nil else { return }
        do throws(CacheError) {
            if let first = try CurationFile.problems(restored, isFull: true).first { throw CacheError(.damaged, first) }
        } catch {
            log.error("what was to be restored cannot be used", metadata: ["path": "\(restored)", "error": "\(error)"])
            if error.code == .damaged { try wrapping("remove \(restored)") { try DatabaseFile.remove(restored) } }
            return
        }
        try wrapping("restore \(path)") {
            let kept = (try? FileStatus.of(path)) == nil ? nil : try file.keep(as: "before-restore")
            do { try DatabaseFile.put(restored, at: path) } catch {
                if let kept, (try? FileStatus.of(path)) == nil { try DatabaseFile.move(kept, to: path) }
                throw error
            }
        }
        log.notice("what was curated is that of a backup now", metadata: ["path": "\(path)"])
    }

    /// It was deleted, by mistake or with everything else, or was never made. Begun anew is only what never was.
    private func restoreLost() throws(CacheError) -> Database {
        let remedy =
            "restore one with 'musicfs restore FILE', or move \(Self.fileName)* and backups out of \(directory) to begin anew"
        let backup: FilePath?
        let wasThere: Bool
        do {
            backup = try backups.newestGood()
            wasThere = try !backups.all().isEmpty || file.wasKept
        } catch {
            throw CacheError(
                .failed, "\(path) is gone, and its backups cannot be looked through: \(error); \(remedy)", cause: error)
        }
        guard let backup else {
            guard !wasThere else {
                throw CacheError(.failed, "\(path) is gone, and there is no good backup; \(remedy)")
            }
            return try file.make()
        }
        log.error("what was curated is gone; its last backup takes its place", metadata: ["backup": "\(backup)"])
        try LibraryFile.copy(backup, to: path)
        return try openCopy()
    }

    private func openCopy() throws(CacheError) -> Database {
        guard let database = try file.open() else { throw CacheError(.failed, "\(path) is gone again") }
        return database
    }

    /// Only to be called where it is bad beyond doubt.
    private func restoreDamaged(_ state: inout State, because: any Error) {
        state.database = nil
        state.serial += 1
        do {
            guard let backup = try backups.newestGood() else {
                return failed(
                    &state,
                    "curation: \(path) is damaged and there is no good backup; restore one with 'musicfs restore FILE', or "
                        + "move \(Self.fileName)* and backups out of \(directory) to begin anew", because: because)
            }
            let kept = try file.keep(as: "damaged")
            try LibraryFile.copy(backup, to: path)
            succeeded(&state, try openCopy())
            if state.healed.count < 20 { state.healed.append("\(because)") }
            log.error(
                "what was curated was damaged; its last backup took its place",
                metadata: ["kept": "\(kept)", "backup": "\(backup)", "error": "\(because)"])
        } catch { failed(&state, "curation: \(path) is damaged, and cannot be restored: \(error)", because: error) }
    }

    /// Uses the database; a damaged one is replaced by its backup, once.
    func using<R: Sendable>(
        _ doing: String, isWrite: Bool = false, _ body: (Database) throws -> R
    ) throws(CacheError) -> R {
        try wrapping(doing) {
            try state.withLock { state in
                noticeChanges(&state)
                for isLast in [false, true] {
                    guard let database = state.database else { break }
                    do {
                        let result = try body(database)
                        if isWrite {
                            state.changes += 1
                            state.serial += 1
                            state.stamp = file.stamp
                        }
                        return result
                    } catch {
                        guard !isLast, (error as? SQLiteError)?.meaning == .damage, file.isDamaged() else {
                            throw error
                        }
                        restoreDamaged(&state, because: error)
                    }
                }
                throw CacheError(.failed, state.problem ?? "curation: it cannot be used")
            }
        }
    }

    /// - Returns: what is wrong with a file that may be open elsewhere; nil when there is none, or nothing in it yet.
    package static func problems(_ path: FilePath, isFull: Bool) throws(CacheError) -> [String]? {
        guard let status = try? FileStatus.of(path), status.size > 0 else { return nil }
        return try CurationFile.problems(path, isFull: isFull)
    }

    // MARK: Pins

    package func pins() throws(CacheError) -> [OriginPath] {
        try using("read the pins") { database in
            let statement = try database.prepare("SELECT origin, path FROM pins ORDER BY origin, path")
            var pins: [OriginPath] = []
            while try statement.step() { pins.append(OriginPath(origin: statement.text(0), path: statement.bytes(1))) }
            return pins
        }
    }

    package func setPinned(_ pins: [OriginPath], _ isPinned: Bool) throws(CacheError) {
        try using("change the pins", isWrite: true) { database in
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
    }

    // MARK: Changes of others

    /// Opens it anew where somebody else has changed, replaced or deleted the file, and where it could not be used for a
    /// while: it is looked through then.
    package func followFile() { state.withLock { noticeChanges(&$0) } }

    private func noticeChanges(_ state: inout State) {
        let isChanged = state.stamp != file.stamp
        if state.database == nil {
            guard isChanged || monotonicNanoseconds() >= state.nextTry else { return }
        } else {
            guard isChanged else { return }
            log.warning("what was curated was changed by another program", metadata: ["path": "\(path)"])
        }
        open(&state)
    }

    // MARK: Backups

    /// Writes today's backup where something has changed since the last; seven days are kept.
    ///
    /// - Returns: where it was written; nil where there was nothing to do.
    package func backUpIfChanged() throws(CacheError) -> FilePath? {
        guard try state.withLock({ state throws(CacheError) in try isDue(&state) }) else { return nil }
        // A damaged one is found out before, and replaced; what fails after that is the matter of the backup.
        _ = try using("back up") { database in
            if let first = try database.integrityProblems(full: false).first {
                throw SQLiteError(extendedCode: 11, message: first, context: "quick_check")
            }
        }
        return try wrapping("back up \(path)") {
            try state.withLock { state in
                guard let database = state.database else {
                    throw CacheError(.failed, state.problem ?? "curation: it cannot be used")
                }
                let target = try backups.write(database, source: state.stamp)
                state.backedUp = state.changes
                return target
            }
        }
    }

    private func isDue(_ state: inout State) throws(CacheError) -> Bool {
        noticeChanges(&state)
        // Why, `problem` tells.
        guard state.database != nil else { return false }
        if state.changes != state.backedUp { return true }
        if let (backup, stamp) = state.lastBackup, CurationFile(path: backup.path).stamp == stamp {
            return backup.source != state.stamp
        }
        guard let newest = try backups.all().first else { return true }
        state.lastBackup = CurationFile(path: newest.path).stamp.map { (newest, $0) }
        return newest.source != state.stamp
    }

    /// Looks it through; a damaged one is replaced by its backup.
    ///
    /// - Returns: what was wrong with it since the last check; it was replaced then.
    package func check(isFull: Bool) throws(CacheError) -> [String] {
        try wrapping("check \(path)") {
            try state.withLock { state in
                noticeChanges(&state)
                guard let database = state.database else {
                    throw CacheError(.failed, state.problem ?? "curation: it cannot be used")
                }
                let problems: [String]
                do throws(SQLiteError) { problems = try database.integrityProblems(full: isFull) } catch {
                    guard error.meaning == .damage else { throw error }
                    problems = ["\(error)"]
                }
                let healed = state.healed
                if let first = problems.first, file.isDamaged(isFull: isFull) {
                    restoreDamaged(&state, because: CacheError(.damaged, first))
                }
                state.healed = []
                return healed + problems
            }
        }
    }
}
