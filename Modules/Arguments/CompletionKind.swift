/// What a shell offers for a value.
package enum CompletionKind: Equatable, Sendable {
    /// What the shell does by itself, which is file names.
    case `default`
    /// Nothing.
    case none
    /// Files, with one of the extensions (without dot) if any are given, and directories on the way to them.
    case file(extensions: [String] = [])
    case directory
    case list([String])
}
