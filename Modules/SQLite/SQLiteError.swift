/// A failed call of SQLite: what was being done, its result code, and its own message.
package struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The primary result code; `extendedCode` has the details (sqlite.org/rescode.html).
    package var code: Int32 { extendedCode & 0xff }
    package let extendedCode: Int32
    package let message: String
    /// The statement or the step, for the log.
    package let context: String

    package init(extendedCode: Int32, message: String, context: String) {
        self.extendedCode = extendedCode
        self.message = message
        self.context = context
    }

    package var description: String { "SQLite error \(extendedCode) (\(message)) in \(context)" }
}
