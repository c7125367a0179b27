/// A text that must never be shown: every way to print it gives `***`.
package struct Secret: Hashable, Sendable {
    /// The text itself, for the one call that needs it.
    package let exposed: String

    package init(_ text: String) { exposed = text }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
