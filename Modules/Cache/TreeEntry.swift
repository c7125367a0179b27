package import MusicFSCore
package import MusicFSSystem

/// One name in the tree, with all that a FUSE reply needs.
package struct TreeEntry: Hashable, Sendable {
    package enum Kind: Int, Hashable, Sendable { case directory = 0, file = 1 }

    /// `nodes.id`: stable for the life of the database, never reused; the readdir cookie. The root is 1.
    package var node: Int64
    package var kind: Kind
    /// Bytes, not necessarily UTF-8; empty for the root.
    package var name: [UInt8]
    /// Files: `versions.id` of the current content version. Directories: 0.
    package var version: Int64
    /// Files: `origins.id` of the replica that is shown, which decides the plan. Directories: 0.
    package var origin: Int64
    /// Files: exactly the bytes that reading returns. Directories: the number of entries.
    package var size: Int64
    /// Nanoseconds since the epoch.
    package var modified: Int64
    /// Directories: 2 and one for each subdirectory. Files: 1.
    package var links: Int64
}

/// One content version of one file: what the kernel knows a file by.
package struct ContentVersion: Hashable, Sendable {
    /// `versions.id`, never reused.
    package var id: Int64
    /// The node that shows, or once showed, this version.
    package var node: Int64
    package var track: Int64?
    package var origin: Int64
    package var replica: Int64
    /// The file's path below its origin's root; nil when the replica is gone.
    package var path: FilePath?
    /// How the replica looked when the version was made.
    package var stamp: FileStamp
    /// What its bytes are cached under; nil where they never are.
    package var key: ContentKey?
    /// Where in the file the audio lies; nil where that is not known.
    package var payload: Range<Int64>?

    package var size: Int64 { stamp.size }
    /// Nanoseconds since the epoch.
    package var modified: Int64 { stamp.modified }
}

/// A file on an origin that holds the bytes of a node's current version, as the one that is shown does.
package struct OtherReplica: Hashable, Sendable {
    package var id: Int64
    package var origin: Int64
    package var path: FilePath
    package var stamp: FileStamp
}

/// A track in the tree, for those who show it by another name.
package struct TrackPlace: Hashable, Sendable {
    package var node: Int64
    /// As in its tags; nil without one.
    package var title: String?
    package var artist: String?
    /// Milliseconds; nil where it is not known.
    package var duration: Int64?
    /// Of the file, nanoseconds since the epoch.
    package var modified: Int64
    /// Below the root, beginning with "/".
    package var path: FilePath
    package var album: String?
    package var year: Int64?

    package init(
        node: Int64, title: String?, artist: String?, duration: Int64?, modified: Int64, path: FilePath,
        album: String? = nil, year: Int64? = nil
    ) {
        self.node = node
        self.title = title
        self.artist = artist
        self.duration = duration
        self.modified = modified
        self.path = path
        self.album = album
        self.year = year
    }
}

/// What of the kernel's knowledge a commit has made wrong.
package enum TreeChange: Hashable, Sendable {
    /// The name was added, removed, moved away, or shows another version.
    case entry(parent: Int64, name: [UInt8])
    /// Whatever name the node has: what it is known by is to be looked up again.
    case node(Int64)
    /// The directory's listing changed, and with it its times.
    case directory(Int64)
}
