package import MusicFSSystem

/// What a commit did to a file of the tree as others see it: by its path.
///
/// A file that moves is removed at one path and added at another; one that takes another's place under the same path is
/// a modification.
package struct FileChange: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case added, removed, modified }

    package var kind: Kind
    /// Below the root of the tree, beginning with "/".
    package var path: FilePath
    /// The origin of the replica that is, or was, shown: the configuration's id.
    package var origin: String
    /// nil for a companion.
    package var track: Int64?
}
