package import MusicFSCore

/// A file of an origin, by its folder (relative to the origin's root, empty for the root itself) and its name.
package struct OriginFile: Hashable, Sendable {
    package var origin: Int64
    package var folder: [UInt8]
    package var name: [UInt8]

    package init(origin: Int64, folder: [UInt8], name: [UInt8]) {
        self.origin = origin
        self.folder = folder
        self.name = name
    }
}

/// What became of reading a file's tags.
package enum AudioContent: Hashable, Sendable {
    case report(MediaReport)
    /// No tags could be had: it is listed by its own name and named in the quarantine (D3).
    case unreadable(reason: String)
    /// The file is not at fault, or may not be: listed like an unreadable one, and tried again by the next scan.
    case postponed(reason: String)
}

/// One difference between an origin and the library, as a scan finds it.
package enum LibraryChange: Sendable {
    /// An audio file that is new or has changed.
    case audio(OriginFile, FileStamp, AudioContent)
    /// Another file, which follows its album. `identity` (16 bytes) lets equal ones be shown once.
    case companion(OriginFile, FileStamp, identity: [UInt8]?)
    /// A known file under a new name, with its content as it was.
    case moved(replica: Int64, to: OriginFile, FileStamp)
    /// A known file that is gone.
    case removed(replica: Int64)
}

/// What a batch did.
package struct AppliedBatch: Sendable {
    /// For the kernel: to be invalidated after the commit.
    package var changes: [TreeChange] = []
    /// For those who follow the files of the mount; empty where nobody does.
    package var files: [FileChange] = []
    /// The number of the last row of `changes` that it or an earlier batch wrote.
    package var sequence: Int64 = 0
    package var added = 0
    package var changed = 0
    package var removed = 0
}
