/// Why an origin did not do what it was asked for.
package struct OriginError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The origin itself says that there is no such file: the only code that may ever remove anything.
        case notFound
        /// The file is there and is another version than the one that was asked for.
        case changed
        /// The origin refuses: wrong credentials, no right to the file, a host that cannot be trusted. Trying again is
        /// of no use.
        case permission
        /// Answered, and failed for now (a 5xx, a lost connection, a stale handle): worth trying again.
        case transient
        /// No answer: the host is down or unknown, or the deadline passed.
        case unreachable
        /// The origin's name cannot be resolved: it is checked again soon, and is not down for that (resilience 4.2.5).
        case nameResolution
        /// What came is not what the protocol allows, or the settings are wrong. Trying again is of no use.
        case invalid
    }

    package var code: Code
    /// What failed, and what to do about it; no secrets, and no path of a file.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// Whether another try may go better.
    package var isWorthRetrying: Bool { code == .transient || code == .unreachable || code == .nameResolution }
}
