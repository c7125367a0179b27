/// What is wrong with a template, and where.
package struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    /// Characters from the beginning, counted from 1.
    package let column: Int

    package var description: String { "\(message) (column \(column))" }
}
