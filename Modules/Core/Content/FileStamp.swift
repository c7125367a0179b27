package import MusicFSSystem

/// How a file looked when it was seen: what tells whether it has changed since.
package struct FileStamp: Hashable, Sendable {
    package var size: Int64
    /// Nanoseconds since the epoch.
    package var modified: Int64
    /// 0 where the origin has no such number.
    package var inode: UInt64
    /// The origin's own name for the version (RFC 9110, section 8.8.3, quotes included); empty where it has none.
    package var etag: [UInt8]

    package init(size: Int64, modified: Int64, inode: UInt64, etag: [UInt8] = []) {
        self.size = size
        self.modified = modified
        self.inode = inode
        self.etag = etag
    }

    package init(_ status: FileStatus) {
        self.init(size: status.size, modified: status.modified, inode: status.inode)
    }
}
