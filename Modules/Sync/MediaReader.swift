package import MusicFSCache
package import MusicFSCore
package import MusicFSSystem

/// Reads the tags of files somewhere else: the pool of media workers, as the scanner sees it.
package protocol MediaReader: Sendable {
    /// Takes the descriptor over. `completion` is called exactly once, on any thread; it must not block.
    ///
    /// Blocks while too many files are under way, which is what holds the walk back.
    func read(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool,
        completion: @escaping @Sendable (AudioContent) -> Void)

    /// The same for a file that cannot be handed over as a descriptor: its tags are read in ranges, few of them.
    ///
    /// - Parameter onBytes: gets what was fetched, each range once, before `completion` is called.
    func read(
        _ source: any RangeSource, size: Int64, name: [UInt8], wantsIdentity: Bool,
        onBytes: @escaping @Sendable (_ offset: Int64, _ bytes: ContentBytes) -> Void,
        completion: @escaping @Sendable (AudioContent) -> Void)
}

/// What the scanner asks of the content path for files that are read in ranges.
package protocol RemoteContent: Sendable {
    /// A way to read a file of one origin at one stamp, for its tags.
    func source(origin: Int64, path: [UInt8], stamp: FileStamp) -> (any RangeSource)?
    /// A file was read: what was fetched may be kept, and what was known of the version before it may still hold (D24).
    /// Returns at once.
    func noteRead(_ file: RemoteFile)
}

/// A file of a cached origin whose tags were read.
package struct RemoteFile: Sendable {
    package var origin: Int64
    package var path: [UInt8]
    package var stamp: FileStamp
    package var report: MediaReport
    /// What was fetched for it, by offset.
    package var ranges: [(offset: Int64, bytes: ContentBytes)]
    /// The version that the library had of it until now.
    package var before: PriorVersion?

    package init(
        origin: Int64, path: [UInt8], stamp: FileStamp, report: MediaReport,
        ranges: [(offset: Int64, bytes: ContentBytes)], before: PriorVersion?
    ) {
        self.origin = origin
        self.path = path
        self.stamp = stamp
        self.report = report
        self.ranges = ranges
        self.before = before
    }
}
