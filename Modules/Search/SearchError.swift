package import MusicFSSystem

/// Why the index could not be read or written.
package struct SearchError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The files are not what was written: the index is to be deleted and built anew.
        case damaged
        /// The disk failed or is full; what was not committed is to be indexed again.
        case disk
        /// There is no index in the directory.
        case missing
        /// Another version of MusicFS wrote it: it is to be deleted and built anew.
        case version
        /// A search did not end before its deadline, or would take too much memory.
        case tooLong
        /// Nobody waits for the search any more.
        case cancelled
    }

    package let code: Code
    package let message: String
    package let cause: SystemError?

    package init(_ code: Code, _ message: String, cause: SystemError? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        let subject = code == .tooLong || code == .cancelled ? "search" : "search index"
        return cause.map { "\(subject): \(message): \($0)" } ?? "\(subject): \(message)"
    }

    /// Runs what calls the system, and tells for which file it failed.
    static func files<R>(
        _ message: @autoclosure () -> String, _ body: () throws(SystemError) -> R
    ) throws(SearchError) -> R {
        do throws(SystemError) { return try body() } catch { throw SearchError(.disk, message(), cause: error) }
    }
}
