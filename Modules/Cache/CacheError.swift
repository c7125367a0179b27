import MusicFSSQLite

/// What went wrong with one of the stores.
package struct CacheError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The file is damaged, or not what it should be: it is to be moved aside and built anew.
        case damaged
        /// Made by a newer MusicFS.
        case newerSchema
        case failed
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    init(_ doing: String, _ cause: any Error) {
        if let cause = cause as? CacheError {
            self = cause
            return
        }
        // SQLITE_CORRUPT 11, SQLITE_NOTADB 26 (sqlite.org/rescode.html).
        let damaged = (cause as? SQLiteError).map { $0.code == 11 || $0.code == 26 } ?? false
        self.init(damaged ? .damaged : .failed, "library: \(doing): \(cause)", cause: cause)
    }

    package var description: String { message }
}

/// Runs `body` and gives what it throws a place in this module's errors.
func wrapping<R>(_ doing: String, _ body: () throws -> R) throws(CacheError) -> R {
    do { return try body() } catch { throw CacheError(doing, error) }
}
