/// Why a query could not be read: where, what, and what to do.
package struct QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The character at which it fails, from 1; one behind the last where something is missing at the end.
    package let position: Int
    package let message: String
    /// What to write instead.
    package let hint: String

    package init(position: Int, message: String, hint: String) {
        self.position = position
        self.message = message
        self.hint = hint
    }

    package var description: String { "query, character \(position): \(message); \(hint)" }
}
