package import MusicFSCache
package import MusicFSSystem

/// Reads the tags of open files somewhere else: the pool of media workers, as the scanner sees it.
package protocol MediaReader: Sendable {
    /// Takes the descriptor over. `completion` is called exactly once, on any thread; it must not block.
    ///
    /// Blocks while too many files are under way, which is what holds the walk back.
    func read(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool,
        completion: @escaping @Sendable (AudioContent) -> Void)
}
