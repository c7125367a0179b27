import MusicFSSQLite
import MusicFSSystem

/// What went wrong with one of the stores.
package struct CacheError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The file is damaged, or not what it should be: it is to be moved aside and built anew.
        case damaged
        /// The disk that it lies on gives errors, or takes nothing more.
        case disk
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
        let code: Code =
            switch (cause as? SQLiteError)?.meaning {
            case .damage: .damaged
            case .disk: .disk
            case .other: .failed
            case nil: cause is SystemError ? .disk : .failed
            }
        self.init(code, "library: \(doing): \(cause)", cause: cause)
    }

    package var description: String { message }
}

/// Who is told of the errors of a library, apart from the caller: somebody who can do something about a bad disk.
struct FailureReport: Sendable {
    let onFailure: Library.OnFailure

    func wrapping<R>(_ doing: String, isWrite: Bool = false, _ body: () throws -> R) throws(CacheError) -> R {
        do { return try body() } catch {
            let error = CacheError(doing, error)
            if error.code == .damaged || error.code == .disk { onFailure(error, isWrite) }
            throw error
        }
    }
}

/// Runs `body` and gives what it throws a place in this module's errors.
func wrapping<R>(_ doing: String, _ body: () throws -> R) throws(CacheError) -> R {
    do { return try body() } catch { throw CacheError(doing, error) }
}
