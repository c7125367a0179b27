package import MusicFSCache
package import MusicFSCore
import MusicFSSystem
import Synchronization

/// Serves the mount on a descriptor of /dev/fuse that the guardian holds. Every start is a take-over.
package final class FUSEServer: Sendable {
    package let statistics: FileSystemStatistics
    private let journal: Journal
    private let library: Library
    private let session: FUSESession
    private let loop: RequestLoop
    private let invalidator: Invalidator
    private let fileSystem: FileSystem
    private let registry: any BackingRegistry
    private let isStopped = Mutex(false)

    /// - Parameters:
    ///   - device: the descriptor; stays open as long as the process.
    ///   - isAwaited: whether a library that is being rebuilt will know more soon.
    ///   - isBeingRecovered: whether requests that failed with such an error are to be left to a successor.
    ///   - virtual: the directories beside the tree; nil for none.
    ///   - observer: told of opens and releases.
    ///   - onDisconnect: the mount is gone; called once, on a thread of the loop.
    package init(
        device: CInt, journal: Journal, library: Library, content: any ContentProvider,
        registry: any BackingRegistry, settings: FileSystemSettings, metrics: MetricsRegistry, log: Logger,
        isAwaited: @escaping @Sendable () -> Bool,
        isBeingRecovered: @escaping @Sendable (CacheError) -> Bool, virtual: VirtualDirectories? = nil,
        observer: (any AccessObserver)? = nil, onDisconnect: @escaping @Sendable () -> Void
    ) throws {
        self.journal = journal
        self.library = library
        self.registry = registry
        statistics = FileSystemStatistics(metrics)
        let later = Later()
        let tree = try virtual.map {
            try VirtualTree($0, table: journal.listTable(), metrics: metrics) { try library.makeReader() }
        }
        fileSystem = FileSystem(
            settings: settings, epoch: UInt64(library.epoch), content: content, registry: registry, journal: journal,
            virtual: tree, statistics: statistics, log: log, isRebuilding: { library.isRebuilding },
            isAwaited: isAwaited,
            isBeingRecovered: isBeingRecovered,
            invalidate: { later.invalidator.withLock { $0 }?.add($0) },
            invalidateLists: { later.invalidator.withLock { $0 }?.add($0) }, observer: observer)
        session = try FUSESession(device: device, journal: journal, fileSystem: fileSystem)
        loop = try RequestLoop(
            session: session, makeReader: { try library.makeTreeReader() }, onDisconnect: onDisconnect)
        invalidator = Invalidator(session: session, epoch: UInt64(library.epoch)) { node in
            try? library.makeTreeReader().place(ofNode: node)
        }
        later.invalidator.withLock { $0 = invalidator }
    }

    /// The file system needs the invalidator, which needs the session, which needs the file system.
    private final class Later: Sendable {
        let invalidator = Mutex<Invalidator?>(nil)
    }

    /// Serves what the predecessor left, then everything.
    package func start(threads: Int) throws {
        try invalidator.start()
        // The predecessor's last notifications may be lost (rule 6).
        if !session.invalidateEverything() {
            // A predecessor may have had other directories beside the tree.
            invalidator.add(VirtualTree.names.map { .entry(parent: 1, name: Array($0.utf8)) })
        }
        try startThread("backing-closer") { [self] in
            fileSystem.backings.closeUnused { isStopped.withLock { $0 } }
        }
        if library.isRebuilding {
            // Made here and used only by the new thread.
            nonisolated(unsafe) let thread = LoopThread(
                index: Journal.landingCount, reader: try library.makeTreeReader(), session: session)
            try startThread("fuse-waiting") { [fileSystem] in unsafe fileSystem.waiting.run(thread) }
        }
        let inherited = journal.takeBackings()
        // The changes of another library have other numbers; the kernel knows nothing of this one yet.
        let isFirst = journal.generation <= 1 || journal.servedEpoch != UInt64(library.epoch)
        journal.servedEpoch = UInt64(library.epoch)
        if isFirst { journal.toldChange = library.lastChange }
        // What the predecessor did not tell of lists is not known.
        let lists = fileSystem.virtual?.change(nil)
        try loop.start(threads: threads)
        if journal.generation > 1 { try repeatInvalidations() }
        if let lists { invalidator.add(lists) }
        // Handles that were opened with them keep reading; left registered they would pin the origin's file system.
        for id in inherited { registry.closeBacking(id) }
    }

    /// Tells the kernel what a commit made wrong.
    /// - Parameter sequence: the number in the library's `changes` up to which that reaches.
    package func invalidate(_ changes: [TreeChange], upTo sequence: Int64) {
        invalidator.add(changes, upTo: sequence)
        listsChanged()
    }

    /// Whether a handle that was given out to the kernel is known to be open. One of a predecessor is once it was read from.
    package func isOpen(_ handle: UInt64) -> Bool { fileSystem.files.file(handle) != nil }

    /// Has lists in virtual directories asked for again: when their tracks may be others. A commit of the library does that
    /// by itself.
    ///
    /// - Parameter directory: its name; nil for all.
    package func listsChanged(in directory: String? = nil) {
        if let virtual = fileSystem.virtual { invalidator.add(virtual.change(directory)) }
    }

    /// What a predecessor committed and may not have told the kernel. INC_EPOCH covers names, not cached listings.
    private func repeatInvalidations() throws {
        let reader = try library.makeReader()
        // The root's id outlives the library that it is of.
        invalidator.add([.directory(1)])
        var sequence = journal.toldChange
        while true {
            let rows = try reader.treeChanges(after: sequence, limit: 1000)
            guard let last = rows.last else { return }
            invalidator.add(rows.map(\.change), upTo: last.sequence)
            sequence = last.sequence
        }
    }

    /// Has the names of a virtual directory asked for again; those that it had before hold what they held.
    package func namesChanged(in directory: String) {
        if let virtual = fileSystem.virtual { invalidator.add(virtual.changeNames(of: directory)) }
    }

    /// Answers opens with ENOTCONN from now on; what is open is still read.
    package func refuseOpens() { fileSystem.takesOpens.store(false, ordering: .relaxed) }

    /// Stops taking requests, and waits for those under way, at most until `deadline`.
    package func stop(until deadline: UInt64) -> Bool {
        invalidator.drain(until: min(deadline, monotonicNanoseconds() + 1_000_000_000))
        loop.stop()
        while journal.pending > 0, monotonicNanoseconds() < deadline { usleepBriefly() }
        isStopped.withLock { $0 = true }
        invalidator.stop()
        return journal.pending == 0
    }

    private func usleepBriefly() { _ = pollReadable([], milliseconds: 2) }
}
