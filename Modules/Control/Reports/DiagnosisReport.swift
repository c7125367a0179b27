/// One thing that `musicfs doctor` looked at.
package struct Diagnosis: Codable, Hashable, Sendable {
    package enum Status: String, Codable, Hashable, Sendable {
        case ok
        /// It works, and could work better.
        case warning
        /// It does not work.
        case error
    }

    package var name: String
    package var status: Status
    /// What was found.
    package var message: String
    /// What to do about it; nil where there is nothing to do.
    @Nullable package var remedy: String?

    package init(_ name: String, _ status: Status, _ message: String, remedy: String? = nil) {
        self.name = name
        self.status = status
        self.message = message
        _remedy = Nullable(wrappedValue: remedy)
    }
}
