/// What a shell offers for a value.
package enum CompletionKind: Equatable, Sendable {
    /// What the shell does by itself, which is file names.
    case `default`
    /// Nothing.
    case none
    /// Files and the directories on the way to them; with extensions (without dot) only such files, or in fish those
    /// before the others.
    case file(extensions: [String] = [])
    case directory
    case list([String])
}
