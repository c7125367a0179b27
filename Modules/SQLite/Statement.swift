import CSQLite

/// A prepared statement. Parameters count from 1, columns from 0, as in SQLite.
///
/// Use: bind, step until false, reset. Whoever steps a statement resets it before giving it back: one that was not
/// reset keeps its read transaction open, and with it the write-ahead log from being emptied.
@safe package final class Statement {
    private let handle: OpaquePointer
    /// Keeps the connection alive as long as its statements.
    private let database: Database

    init(handle: OpaquePointer, database: Database) {
        unsafe self.handle = handle
        self.database = database
    }

    deinit { unsafe sqlite3_finalize(handle) }

    package func bind(_ index: Int32, _ value: Int64) { unsafe sqlite3_bind_int64(handle, index, value) }

    package func bind(_ index: Int32, _ value: Int64?) {
        if let value { bind(index, value) } else { unsafe sqlite3_bind_null(handle, index) }
    }

    package func bind(_ index: Int32, _ value: String?) {
        guard var value else {
            unsafe sqlite3_bind_null(handle, index)
            return
        }
        _ = value.withUTF8 { utf8 in
            unsafe utf8.withMemoryRebound(to: CChar.self) {
                unsafe musicfs_sqlite_bind_text(handle, index, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
    }

    package func bind(_ index: Int32, _ value: [UInt8]?) {
        guard let value else {
            unsafe sqlite3_bind_null(handle, index)
            return
        }
        unsafe value.withUnsafeBytes { unsafe bind(index, $0) }
    }

    /// Copies the bytes.
    package func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        _ = unsafe musicfs_sqlite_bind_blob(handle, index, bytes.baseAddress, Int32(clamping: bytes.count))
    }

    /// - Returns: whether there is a row.
    package func step() throws(SQLiteError) -> Bool {
        let result = unsafe sqlite3_step(handle)
        switch result {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let error = database.error(result, sql)
            unsafe sqlite3_reset(handle)
            throw error
        }
    }

    /// Runs a statement that gives no rows, and resets it.
    package func run() throws(SQLiteError) {
        _ = try step()
        reset()
    }

    package func reset() { unsafe sqlite3_reset(handle) }

    package func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }
    package func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }
    package func double(_ column: Int32) -> Double { unsafe sqlite3_column_double(handle, column) }

    package func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    package func text(_ column: Int32) -> String {
        guard let pointer = unsafe sqlite3_column_text(handle, column) else { return "" }
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: pointer, count: count), as: UTF8.self)
    }

    package func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    package func bytes(_ column: Int32) -> [UInt8] { unsafe withBytes(column) { unsafe Array($0) } }

    package func optionalBytes(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : bytes(column) }

    /// Lends the bytes of a blob or text column until the next step.
    package func withBytes<R>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        // sqlite3_column_bytes is called after column_blob, in the order that its documentation asks for.
        let pointer = unsafe sqlite3_column_blob(handle, column)
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        return unsafe body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    private var sql: String { unsafe sqlite3_sql(handle).map { unsafe String(cString: $0) } ?? "statement" }
}
