package import MusicFSCache
package import MusicFSCore

/// Opens content versions: the origins, as the file system sees them.
package protocol ContentProvider: Sendable {
    /// How files of this origin are read. Constant time, no I/O.
    func plan(origin: Int64) -> ReadPlan
    /// The kernel would not read this origin's files itself: from now on `plan` says `.direct`.
    func abandonPassthrough(origin: Int64)
    /// Opens a version on its origin's lane. `completion` is called exactly once, on a thread that may wait a little,
    /// or on the caller's before this returns.
    ///
    /// Fails with `.changed` when the file is not what the version says; by then the library knows what it is now.
    ///
    /// - Parameter others: files of other origins with the same bytes.
    func open(
        _ version: ContentVersion, others: [OtherReplica],
        completion: @escaping @Sendable (Result<any OpenContent, ContentError>) -> Void)
    /// Whether files may have replicas on several origins.
    var hasSeveralOrigins: Bool { get }
    /// The origin that gave the bytes of a version last, or would give them; constant time, no I/O.
    func servedFrom(_ version: ContentVersion) -> Int64
    /// A request for this version was under way at the death of two servers.
    func quarantine(_ version: ContentVersion)
}

/// What the file system asks of the guardian, which has the privileges.
package protocol BackingRegistry: Sendable {
    /// Registers an open file for the kernel to read by itself (FUSE_DEV_IOC_BACKING_OPEN).
    func openBacking(_ fd: CInt) throws(BackingError) -> UInt32
    func closeBacking(_ id: UInt32)
}

package enum BackingError: Error, Hashable, Sendable {
    /// The kernel or the file system of the file does not take part.
    case refused
    /// No answer.
    case unavailable
}
