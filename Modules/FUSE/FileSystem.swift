import CFuse3
package import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization

/// How the file system shows itself.
package struct FileSystemSettings: Hashable, Sendable {
    /// Owner of everything in the mount.
    package var owner: UInt32
    package var group: UInt32
    /// How long the kernel may keep names and attributes; changes are pushed.
    package var timeout: Duration

    package init(owner: UInt32, group: UInt32, timeout: Duration) {
        self.owner = owner
        self.group = group
        self.timeout = timeout
    }
}

/// Hears of every open and release. Called on threads that must not wait.
package protocol AccessObserver: Sendable {
    /// - Parameter handle: no other open has it as long as the mount is.
    func opened(_ version: ContentVersion, handle: UInt64)
    /// The handle may be a predecessor's; and it may be told twice, where a server died in between.
    ///
    /// - Parameter wasRead: whether at least half of the file was read through this server.
    func released(handle: UInt64, wasRead: Bool)
}

/// The answers to the kernel's requests. Nothing here waits for anything but SQLite; what needs an origin goes to its
/// lane and is answered from there.
final class FileSystem: Sendable {
    let settings: FileSystemSettings
    let epoch: UInt64
    let generation: UInt64
    let content: any ContentProvider
    let journal: Journal
    let files: OpenFiles
    let backings: Backings
    let statistics: FileSystemStatistics
    let log: Logger
    /// Whether there may be files that the library does not know yet.
    let isRebuilding: @Sendable () -> Bool
    /// Whether it will know them soon.
    let isAwaited: @Sendable () -> Bool
    let waiting = Waiting()
    /// nil where the root has the tree alone.
    let virtual: VirtualTree?
    /// Whether a successor is on its way that has a library in which this error does not happen.
    let isBeingRecovered: @Sendable (CacheError) -> Bool
    /// Names in this directory changed; for those cases where the file system itself finds that out.
    let invalidate: @Sendable ([TreeChange]) -> Void
    /// The kernel may have kept what a list no longer holds.
    let invalidateLists: @Sendable ([VirtualNode]) -> Void
    /// Told of opens and releases, on threads that must not wait.
    let observer: (any AccessObserver)?
    let timeout: Double
    /// Whether files are still opened; not while the server stops.
    let takesOpens = Atomic(true)
    /// From this number on no descriptor is given to an open file: the library and the control socket need some too.
    let descriptorReserve: CInt

    init(
        settings: FileSystemSettings, epoch: UInt64, content: any ContentProvider, registry: any BackingRegistry,
        journal: Journal, virtual: VirtualTree?, statistics: FileSystemStatistics, log: Logger,
        isRebuilding: @escaping @Sendable () -> Bool, isAwaited: @escaping @Sendable () -> Bool,
        isBeingRecovered: @escaping @Sendable (CacheError) -> Bool,
        invalidate: @escaping @Sendable ([TreeChange]) -> Void,
        invalidateLists: @escaping @Sendable ([VirtualNode]) -> Void,
        observer: (any AccessObserver)?
    ) {
        self.settings = settings
        self.epoch = epoch
        generation = journal.generation
        self.content = content
        self.journal = journal
        self.virtual = virtual
        self.statistics = statistics
        self.log = log
        self.isRebuilding = isRebuilding
        self.isAwaited = isAwaited
        self.isBeingRecovered = isBeingRecovered
        self.invalidate = invalidate
        self.invalidateLists = invalidateLists
        self.observer = observer
        files = OpenFiles(generation: generation)
        backings = Backings(registry: registry, journal: journal)
        let limit = ThisProcess.raiseDescriptorLimit()
        descriptorReserve = CInt(clamping: limit - min(max(limit / 4, 16), 128))
        timeout = Double(settings.timeout.nanoseconds) / 1e9
    }

    // MARK: Ids and attributes

    /// The id of a node that this database knows; nil for those of another epoch.
    func known(_ raw: UInt64) -> NodeID? {
        guard let id = NodeID(raw: raw), raw == NodeID.rootRaw || id.epoch == epoch & 0x3ff else { return nil }
        return id
    }

    func directory(_ raw: UInt64) -> Int64? {
        guard let id = known(raw), id.kind == .directory else { return nil }
        return id.id
    }

    func nodeID(_ entry: TreeEntry) -> NodeID {
        switch entry.kind {
        case .directory: return NodeID(kind: .directory, generation: 0, epoch: epoch, id: entry.node)
        case .file:
            let plan = content.plan(origin: entry.origin)
            return NodeID(
                kind: .file(plan), generation: plan == .passthrough ? generation : 0, epoch: epoch, id: entry.version)
        }
    }

    func attributes(_ entry: TreeEntry) -> musicfs_attributes {
        attributes(
            nodeID: nodeID(entry).raw, node: entry.node, isDirectory: entry.kind == .directory, size: entry.size,
            modified: entry.modified, links: entry.links)
    }

    func attributes(_ version: ContentVersion, nodeID: UInt64) -> musicfs_attributes {
        attributes(
            nodeID: nodeID, node: version.node, isDirectory: false, size: version.size, modified: version.modified,
            links: 1)
    }

    private func attributes(
        nodeID: UInt64, node: Int64, isDirectory: Bool, size: Int64, modified: Int64, links: Int64
    ) -> musicfs_attributes {
        musicfs_attributes(
            node_id: nodeID, inode: NodeID.inode(epoch: epoch, node: node), size: UInt64(max(size, 0)),
            modified_ns: modified, mode: isDirectory ? 0o040755 : 0o100644, links: UInt32(clamping: links),
            uid: settings.owner, gid: settings.group, timeout: timeout)
    }

    /// Answers with what went wrong in the library, or leaves the answer to a successor that can give a better one.
    func fail(_ request: consuming Request, _ operation: StaticString, _ error: CacheError) {
        if isBeingRecovered(error) { return request.leaveToSuccessor() }
        log.error("a request failed", metadata: ["operation": "\(operation)", "error": "\(error)"])
        request.reply(.io)
    }
}
