package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem
import Synchronization

/// history.db: which tracks were opened, and which were played (D17).
///
/// It cannot be had again, but nothing depends on it: a damaged one is moved aside and begun anew. No error of its disk is
/// told to those who note something; while it gives errors nothing is noted, and it is tried again every minute.
package final class History: Sendable {
    package static let fileName = "history.db"
    /// One that cannot be used is tried again after so long.
    private static let pause = Pace.of(.seconds(60)).nanoseconds
    /// Accesses that were no plays, the newest of which are kept: scanners open everything, every night.
    static let keptAccesses: Int64 = 100_000

    /// An open of a track.
    package struct Opening: Hashable, Sendable {
        /// The kernel's; unique as long as the mount is.
        package var handle: UInt64
        package var file: OriginPath
        /// Nanoseconds since 1970.
        package var time: Int64
        /// The same moment by CLOCK_MONOTONIC, nanoseconds.
        package var since: UInt64
        /// How long it has to be held to have been played, nanoseconds.
        package var needed: UInt64

        package init(handle: UInt64, file: OriginPath, time: Int64, since: UInt64, needed: UInt64) {
            self.handle = handle
            self.file = file
            self.time = time
            self.since = since
            self.needed = needed
        }
    }

    package enum Entry: Hashable, Sendable {
        case opened(Opening)
        /// When by CLOCK_MONOTONIC, nanoseconds.
        case released(handle: UInt64, at: UInt64)
    }

    /// How long a track has to be held to have been played: 30 s or half its duration, whichever is less.
    ///
    /// - Parameter milliseconds: its duration; nil or 0 where that is not known.
    package static func needed(duration milliseconds: Int64?) -> UInt64 {
        let most: UInt64 = 30_000_000_000
        guard let milliseconds, milliseconds > 0 else { return most }
        return min(most, UInt64(min(milliseconds, 60_000)) * 500_000)
    }

    package let path: FilePath
    /// How long accesses are kept; zero for not at all.
    private let keep: Duration
    private let log: Logger
    private let state: Mutex<State>
    /// Entries that were not written, since the database could not be used.
    package let lost = Counter()

    // A connection is not Sendable; it lives and dies inside the lock.
    private struct State: ~Copyable {
        var database: HistoryDatabase?
        /// Why it cannot be used; nil where it can, or was not tried yet.
        var problem: String?
        /// What was found damaged, and begun anew, since the last check.
        var healed: [String] = []
        /// CLOCK_MONOTONIC, nanoseconds.
        var nextTry: UInt64 = 0
        /// Whether the handles that it knows are those of a mount that is gone, and were never released.
        var forgetsHandles: Bool
        var isClosed = false
    }

    /// Opens nothing yet: who starts does not wait for it.
    ///
    /// - Parameters:
    ///   - directory: the state directory of an instance.
    ///   - isNewMount: whether handles are given out anew.
    package init(_ directory: FilePath, keep: Duration, isNewMount: Bool, log: Logger) {
        path = directory.appending(Self.fileName)
        self.keep = keep
        self.log = log
        state = Mutex(State(forgetsHandles: isNewMount))
    }

    /// What is wrong with it; nil when nothing is.
    package var problem: String? { state.withLock { $0.problem } }

    // MARK: Opening

    /// The database, opened, made or begun anew where that is due; nil while it cannot be used.
    private func opened(_ state: inout State) -> HistoryDatabase? {
        if let database = state.database, database.isInPlace { return database }
        state.database = nil
        guard !state.isClosed, state.problem == nil || monotonicNanoseconds() >= state.nextTry else { return nil }
        do {
            do {
                let database = try HistoryDatabase(path)
                if state.forgetsHandles { try database.forgetHandles() }
                state.database = database
            } catch {
                guard (error as? SQLiteError)?.meaning == .damage else { throw error }
                try beginAnew(&state, because: error)
            }
            state.forgetsHandles = false
            if state.problem != nil { log.notice("the history can be written again", metadata: ["path": "\(path)"]) }
            state.problem = nil
        } catch { failed(&state, error) }
        return state.database
    }

    private func beginAnew(_ state: inout State, because: any Error) throws {
        state.database = nil
        try DatabaseFile.setAside(path)
        if state.healed.count < 20 { state.healed.append("\(because)") }
        log.warning(
            "the history was damaged and is begun anew", metadata: ["path": "\(path)", "error": "\(because)"])
        state.database = try HistoryDatabase(path)
    }

    /// Told once, however long it lasts.
    private func failed(_ state: inout State, _ error: any Error) {
        if state.problem == nil {
            log.error("nothing is noted in the history", metadata: ["path": "\(path)", "error": "\(error)"])
        }
        state.problem = "history: \(error)"
        state.database = nil
        state.nextTry = monotonicNanoseconds() &+ Self.pause
    }

    /// Uses the database; a damaged one is begun anew, and then used.
    ///
    /// - Returns: nil where it cannot be used.
    private func using<R: Sendable>(_ body: (HistoryDatabase) throws -> R) -> R? {
        state.withLock { state in
            for isLast in [false, true] {
                guard let database = opened(&state) else { return nil }
                do { return try body(database) } catch {
                    guard !isLast, (error as? SQLiteError)?.meaning == .damage else {
                        failed(&state, error)
                        return nil
                    }
                    do { try beginAnew(&state, because: error) } catch {
                        failed(&state, error)
                        return nil
                    }
                }
            }
            return nil
        }
    }

    // MARK: Noting

    /// Writes what happened, in one transaction. Waits for the disk, and throws nothing.
    ///
    /// - Returns: how many of them were plays that ended; nil where nothing could be written.
    @discardableResult
    package func note(_ entries: [Entry]) -> Int? {
        guard keep > .zero, !entries.isEmpty else { return 0 }
        let plays = using { database in
            try database.transaction {
                var plays = 0
                for entry in entries {
                    switch entry {
                    case .opened(let opening): try database.add(opening)
                    case .released(let handle, let time):
                        if try database.release(handle, at: time) { plays += 1 }
                    }
                }
                return plays
            }
        }
        if plays == nil { lost.increment(by: UInt64(entries.count)) }
        return plays
    }

    /// The mount ends: what is open is held no longer than until now. Of other handles the release was lost, and nobody knows
    /// for how long they were held.
    package func endMount(isOpen: (UInt64) -> Bool) {
        guard keep > .zero else { return }
        _ = using { database in
            for handle in try database.handles() where isOpen(handle) {
                _ = try database.release(handle, at: monotonicNanoseconds())
            }
            try database.forgetHandles()
        }
    }

    /// Forgets what is older than is kept.
    ///
    /// - Parameters:
    ///   - now: nanoseconds since 1970.
    ///   - keptAccesses: how many accesses that were no plays stay.
    /// - Returns: how many accesses went.
    @discardableResult
    package func prune(now: Int64 = wallClockNanoseconds(), keptAccesses: Int64 = keptAccesses) -> Int64 {
        let limit = now.subtractingReportingOverflow(Int64(clamping: keep.nanoseconds))
        return using { try $0.prune(before: limit.overflow ? .min : limit.partialValue, kept: keptAccesses) } ?? 0
    }

    /// Closes it for good.
    package func close() {
        state.withLock { state in
            try? state.database?.checkpoint()
            state.database = nil
            state.isClosed = true
        }
    }

    // MARK: Asking

    /// Asks for something.
    ///
    /// - Throws: where it cannot be used.
    func asking<R: Sendable>(_ body: (HistoryDatabase) throws -> R) throws(CacheError) -> R {
        if let result = using(body) { return result }
        throw CacheError(.disk, problem ?? "history: it is closed")
    }

    // MARK: Looking through

    /// Looks it through; a damaged one is begun anew.
    ///
    /// - Returns: what was wrong with it since the last check.
    /// - Throws: where it cannot be used.
    package func check(isFull: Bool) throws(CacheError) -> [String] {
        let problems = try asking { database in
            let problems = try database.problems(isFull: isFull)
            if let first = problems.first {
                throw SQLiteError(extendedCode: 11, message: first, context: "quick_check")
            }
            return problems
        }
        return state.withLock { state in
            defer { state.healed = [] }
            return state.healed + problems
        }
    }

    /// - Returns: what is wrong with a file that may be open elsewhere; nil where there is none.
    /// - Throws: where that cannot be told.
    package static func problems(_ path: FilePath, isFull: Bool) throws(CacheError) -> [String]? {
        guard (try? FileStatus.of(path)) != nil else { return nil }
        return try wrapping("check \(path)") {
            do throws(SQLiteError) {
                let database = try Database.open(path, .readOnly)
                guard let version = try DatabaseFile.version(database, .history) else { return [] }
                guard version == HistoryDatabase.schemaVersion else { return ["it is another version's"] }
                return try database.integrityProblems(full: isFull)
            } catch {
                guard error.meaning == .damage else { throw error }
                return ["\(error)"]
            }
        }
    }

    /// Moves one that nobody has open out of the way.
    package static func setAside(_ path: FilePath) throws(CacheError) {
        try wrapping("set \(path) aside") { try DatabaseFile.setAside(path) }
    }
}
