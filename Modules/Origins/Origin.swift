package import MusicFSCore

/// A place where files of the library lie: read and never written.
///
/// Every call blocks and belongs on a thread of `lane`, which has a deadline of its own; each backend sees to it that a
/// call ends by itself at `deadline` (nanoseconds of CLOCK_MONOTONIC) wherever the system lets it. Paths are bytes
/// relative to the origin's root, without a slash at either end; the root is the empty path. Calls may be made on
/// several threads at once.
package protocol Origin: AnyObject, Sendable {
    /// `origins.id` of the library.
    var id: Int64 { get }
    /// The id of the configuration.
    var name: String { get }
    var lane: IOLane { get }
    /// The longest that one operation may take.
    var timeout: Duration { get }

    /// The entries of a folder for which `isWanted` says yes by their name, in no order. Symbolic links are resolved as
    /// far as they stay inside the origin, and left out where they do not; names that could lead elsewhere (`..`, a
    /// slash, NUL) are left out and logged.
    func list(
        _ folder: [UInt8], deadline: UInt64, isWanted: (_ name: [UInt8]) -> Bool
    ) throws(OriginError) -> [OriginEntry]

    /// Whether listing everything in one pass costs less than folder by folder: then `listAll` is used for full scans.
    var listsWhole: Bool { get }

    /// Lists all that lies below a folder in one pass and gives it folder by folder, each once and complete, in no
    /// order; folders without files may be left out.
    ///
    /// - Parameters:
    ///   - progress: called at least every few seconds with how much has come; ends the listing by returning false.
    func listAll(
        below folder: [UInt8], isWanted: (_ name: [UInt8]) -> Bool, progress: () -> Bool,
        _ body: (_ folder: [UInt8], _ entries: [OriginEntry]) throws -> Void
    ) throws

    /// What lies at a path now.
    func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry

    /// Fills `buffers`, which are empty, with the bytes from `offset` on of the version that `stamp` names. What it says is
    /// filled is right, even where this throws.
    ///
    /// - Throws: `.changed` when the file is another version now, or ended early.
    func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers, deadline: UInt64
    ) throws(OriginError)

    /// Asks whether the origin answers and lets us in, as cheaply as that can be known.
    func check(deadline: UInt64) throws(OriginError)

    /// A number for what is at the root now: another one when something else is mounted or served there. Tells an
    /// unmounted root from an empty one.
    func marker(deadline: UInt64) throws(OriginError) -> UInt64

    /// Closes connections that have been idle for long; called every few seconds.
    func closeIdle()
}

extension Origin {
    package var listsWhole: Bool { false }

    package func listAll(
        below folder: [UInt8], isWanted: (_ name: [UInt8]) -> Bool, progress: () -> Bool,
        _ body: (_ folder: [UInt8], _ entries: [OriginEntry]) throws -> Void
    ) throws {
        throw OriginError(.invalid, "\(name) is listed folder by folder")
    }

    package func closeIdle() {}

    /// The same for one buffer.
    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer,
        deadline: UInt64
    ) throws(OriginError) {
        if buffer.count == 0 { return }
        try read(path, stamp, at: offset, into: unsafe ReadBuffers([buffer]) { _ in }, deadline: deadline)
    }
}

/// One entry of an origin's folder.
package struct OriginEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case file, folder }

    package var name: [UInt8]
    package var kind: Kind
    /// A folder's may be all zero where the origin has none.
    package var stamp: FileStamp
    /// Whether a symbolic link was followed to it.
    package var isLink: Bool

    package init(name: [UInt8], kind: Kind, stamp: FileStamp, isLink: Bool = false) {
        self.name = name
        self.kind = kind
        self.stamp = stamp
        self.isLink = isLink
    }
}
