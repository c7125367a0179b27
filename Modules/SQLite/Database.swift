import CSQLite
package import MusicFSSystem

/// One connection. Not Sendable: it belongs to whoever opened it, or to the lock that guards it.
///
/// Every connection has a busy timeout, foreign keys off (the schema has none), and a bounded page cache.
@safe package final class Database {
    package enum Mode: Hashable, Sendable {
        case readWrite, readOnly
        /// A database of this connection alone.
        case memory
    }

    private let handle: OpaquePointer
    package let path: FilePath

    private init(handle: OpaquePointer, path: FilePath) {
        unsafe self.handle = handle
        self.path = path
    }

    deinit {
        // close_v2 lets statements that are still alive finish first.
        unsafe sqlite3_close_v2(handle)
    }

    /// - Parameters:
    ///   - busyTimeout: milliseconds to wait for another connection's lock.
    ///   - cacheKibibytes: upper bound of this connection's page cache.
    /// - Throws: the reason SQLite gives; SQLITE_NOTADB and SQLITE_CORRUPT mean that the file is to be replaced.
    package static func open(
        _ path: FilePath, _ mode: Mode, busyTimeout: Int32 = 5000, cacheKibibytes: Int = 512
    ) throws(SQLiteError) -> Database {
        let flags =
            switch mode {
            case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readOnly: SQLITE_OPEN_READONLY
            case .memory: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY
            }
        var handle: OpaquePointer?
        let result = unsafe path.withCString {
            unsafe sqlite3_open_v2($0, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        }
        guard let handle = unsafe handle else {
            throw SQLiteError(extendedCode: SQLITE_NOMEM, message: "out of memory", context: "open \(path)")
        }
        let database = unsafe Database(handle: handle, path: path)
        guard result == SQLITE_OK else { throw database.error(result, "open \(path)") }
        unsafe sqlite3_busy_timeout(handle, busyTimeout)
        _ = unsafe musicfs_sqlite_defensive(handle)
        // cell_size_check: a page that was overwritten is found out when it is read, rather than believed.
        try database.execute(
            "PRAGMA cell_size_check=ON; PRAGMA cache_size=-\(cacheKibibytes); PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY"
        )
        return database
    }

    /// Runs one or more statements that give no rows.
    package func execute(_ sql: String) throws(SQLiteError) {
        let result = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        if result != SQLITE_OK { throw error(result, sql) }
    }

    /// Prepares a statement that will be used many times.
    package func prepare(_ sql: String) throws(SQLiteError) -> Statement {
        var statement: OpaquePointer?
        let result = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard result == SQLITE_OK, let statement = unsafe statement else { throw error(result, sql) }
        return unsafe Statement(handle: statement, database: self)
    }

    /// Runs `body` in a transaction that is rolled back when it throws.
    ///
    /// IMMEDIATE takes the write lock at once, so that a later statement cannot fail with SQLITE_BUSY
    /// (sqlite.org/lang_transaction.html).
    package func transaction<R, E: Error>(_ body: () throws(E) -> R) throws -> R {
        try execute("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // A failed COMMIT or an I/O error may have ended the transaction already.
            if unsafe sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            resetStatements()
            throw error
        }
    }

    /// One that an error left in the middle of its rows would keep what was bound to it.
    private func resetStatements() {
        var statement = unsafe sqlite3_next_stmt(handle, nil)
        while let current = unsafe statement {
            unsafe sqlite3_reset(current)
            unsafe statement = sqlite3_next_stmt(handle, current)
        }
    }

    /// The first column of the first row as an integer; nil when there is no row, or it is NULL.
    package func integer(_ sql: String) throws(SQLiteError) -> Int64? {
        let statement = try prepare(sql)
        guard try statement.step(), !statement.isNull(0) else { return nil }
        return statement.integer(0)
    }

    /// The first column of the first row as text.
    package func text(_ sql: String) throws(SQLiteError) -> String? {
        let statement = try prepare(sql)
        guard try statement.step(), !statement.isNull(0) else { return nil }
        return statement.text(0)
    }

    /// Rows that the last INSERT, UPDATE or DELETE touched.
    package var changes: Int64 { unsafe sqlite3_changes64(handle) }

    /// `PRAGMA quick_check` (all pages and rows, not the indexes) or the full `integrity_check`.
    ///
    /// - Returns: what is wrong; empty when nothing is.
    package func integrityProblems(full: Bool) throws(SQLiteError) -> [String] {
        let statement = try prepare(full ? "PRAGMA integrity_check(20)" : "PRAGMA quick_check(20)")
        var problems: [String] = []
        while try statement.step() {
            let line = statement.text(0)
            if line != "ok" { problems.append(line) }
        }
        return problems
    }

    /// Writes everything to a new file (`VACUUM INTO`); reads of others go on meanwhile. The file is not synced.
    package func copy(to path: FilePath) throws(SQLiteError) {
        let statement = try prepare("VACUUM INTO ?")
        statement.bind(1, path.description)
        try statement.run()
    }

    /// Moves what the write-ahead log holds into the database and empties it.
    package func checkpoint() throws(SQLiteError) { try execute("PRAGMA wal_checkpoint(TRUNCATE)") }

    /// Lets go of cached pages that are not in use.
    package func releaseMemory() throws(SQLiteError) { try execute("PRAGMA shrink_memory") }

    func error(_ code: Int32, _ context: String) -> SQLiteError {
        SQLiteError(
            extendedCode: code, message: unsafe String(cString: sqlite3_errmsg(handle)),
            context: String(context.prefix(200)), systemErrno: unsafe sqlite3_system_errno(handle))
    }
}
