package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem
import Synchronization

/// library.db: what the origins hold, and the tree that is made of it. Derived: it can be deleted at any time.
///
/// One connection writes, under a lock; each reader has its own (`makeTreeReader`, `makeReader`). After each commit
/// `onCommit` is called with what the kernel may know wrongly, on the writing thread, with no lock held.
///
/// No method but those of the readers may be called on a FUSE thread: the lock is held for the length of a batch.
package final class Library: Sendable {
    package static let fileName = "library.db"

    package let path: FilePath
    /// The number that inode numbers and node ids carry; another one for each database that was ever made.
    package let epoch: Int64
    private let state: Mutex<State>
    private let onCommit: OnCommit
    private let report: FailureReport
    /// Which file `path` was when it was opened.
    private let identity: FileStatus
    private let rebuilding: Atomic<Bool>
    private let onFiles: OnFiles?

    /// Takes what the kernel may know wrongly, and the number in `changes` up to which that reaches.
    package typealias OnCommit = @Sendable (_ changes: [TreeChange], _ sequence: Int64) -> Void
    /// Takes an error that says something about the file or its disk, and whether it came of writing. Called on any thread.
    package typealias OnFailure = @Sendable (_ error: CacheError, _ isWrite: Bool) -> Void

    /// Takes what a commit did to the files of the tree, on the writing thread, with no lock held.
    package typealias OnFiles = @Sendable (_ changes: [FileChange]) -> Void

    // Connections are not Sendable; the writer lives and dies inside the lock.
    private struct State: ~Copyable {
        let writer: LibraryWriter
        /// Whether a copy has taken its place, so that nothing is to be written here any more.
        var isFrozen = false
    }

    package struct Options: Sendable {
        package var template: PathTemplate
        package var showsCompanions: Bool
        /// Whether content that has an identity is known by it, so that copies and touched files share what is cached.
        package var identifiesContent: Bool
        /// Called once if a database has to be made: gives it an epoch that none had before.
        package var nextEpoch: @Sendable () throws -> Int64
        package var onCommit: OnCommit
        package var onFailure: OnFailure
        /// Whether a library that has to be made takes the place of one that was in use.
        package var isReplacement = false
        /// How large the file may become, bytes; nil for as large as the disk allows.
        package var sizeLimit: Int64?
        /// nil where nobody follows the files.
        package var onFiles: OnFiles?

        package init(
            template: PathTemplate, showsCompanions: Bool, identifiesContent: Bool = true,
            nextEpoch: @escaping @Sendable () throws -> Int64, onCommit: @escaping OnCommit,
            onFailure: @escaping OnFailure = { _, _ in }, sizeLimit: Int64? = nil, onFiles: OnFiles? = nil
        ) {
            self.template = template
            self.showsCompanions = showsCompanions
            self.identifiesContent = identifiesContent
            self.nextEpoch = nextEpoch
            self.onCommit = onCommit
            self.onFailure = onFailure
            self.sizeLimit = sizeLimit
            self.onFiles = onFiles
        }
    }

    /// Opens the library, or makes an empty one where there is none or its schema is another.
    ///
    /// Cost: constant. Nothing is read but the header and the `meta` table.
    /// - Throws: `.damaged` when the file is no database: move it aside (`setAside`) and open again.
    package static func open(_ path: FilePath, _ options: Options) throws(CacheError) -> Library {
        try wrapping("open \(path)") {
            var database = try connect(path)
            var epoch: Int64?
            var isReplacement = options.isReplacement
            if let version = try DatabaseFile.version(database, .library) {
                if version == Schema.version {
                    epoch = try database.integer(
                        "SELECT value FROM meta WHERE key = 'epoch' AND value BETWEEN 1 AND \(1 << 40)")
                }
                if epoch == nil {
                    // Another version's: derived data, so it is made anew rather than migrated.
                    try LibraryFile.setAside(path)
                    database = try connect(path)
                    isReplacement = true
                }
            }
            if epoch == nil {
                let next = try options.nextEpoch()
                try create(database, epoch: next, isReplacement: isReplacement)
                epoch = next
            }
            if let limit = options.sizeLimit, let page = try database.integer("PRAGMA page_size"), page > 0 {
                try database.execute("PRAGMA max_page_count=\(max(limit / page, 1))")
            }
            let writer = try LibraryWriter(
                database: database, template: options.template, showsCompanions: options.showsCompanions,
                identifiesContent: options.identifiesContent, tellsFiles: options.onFiles != nil)
            return Library(
                path: path, epoch: epoch ?? 1, identity: try FileStatus.of(path), writer: writer, options: options)
        }
    }

    private init(path: FilePath, epoch: Int64, identity: FileStatus, writer: sending LibraryWriter, options: Options) {
        self.path = path
        self.epoch = epoch
        self.identity = identity
        onCommit = options.onCommit
        onFiles = options.onFiles
        report = FailureReport(onFailure: options.onFailure)
        rebuilding = Atomic(writer.isRebuilding)
        state = Mutex(State(writer: writer))
    }

    /// Whether it took the place of one that was lost, and not all origins were scanned since: what is not in it may
    /// exist all the same.
    package var isRebuilding: Bool { rebuilding.load(ordering: .relaxed) }

    private static func connect(_ path: FilePath) throws -> Database {
        let database = try Database.open(path, .readWrite, busyTimeout: 30_000, cacheKibibytes: 8192)
        try database.execute(
            """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4096;
            PRAGMA journal_size_limit=67108864
            """)
        return database
    }

    private static func create(_ database: Database, epoch: Int64, isReplacement: Bool) throws {
        try database.transaction {
            try database.execute(DatabaseFile.Kind.library.statement + Schema.statements)
            if isReplacement { try database.execute("INSERT INTO meta VALUES('rebuilding', 1)") }
            try database.execute(
                """
                INSERT INTO meta VALUES('epoch', \(epoch));
                PRAGMA user_version=\(Schema.version)
                """)
        }
    }

    // MARK: Readers

    /// A reader for one thread.
    package func makeTreeReader() throws(CacheError) -> TreeReader {
        try report.wrapping("open a reader") {
            try TreeReader(database: try Database.open(path, .readOnly), report: report)
        }
    }

    /// A reader for a scan or a command: everything but the tree.
    package func makeReader() throws(CacheError) -> LibraryReader {
        try report.wrapping("open a reader") {
            try LibraryReader(database: try Database.open(path, .readOnly, cacheKibibytes: 2048), report: report)
        }
    }

    // MARK: Writing

    /// The number of the last row of `changes`.
    package var lastChange: Int64 { state.withLock { $0.writer.lastChange } }

    /// Applies a batch in one transaction and tells the kernel's side what changed.
    @discardableResult
    package func apply(_ changes: [LibraryChange]) throws(CacheError) -> AppliedBatch {
        try perform("apply a batch") { writer in
            for change in changes { try writer.take(change) }
        }.batch
    }

    /// A file was found rewritten in place when it was opened: its node gets a new version with what the file is now.
    ///
    /// The scan, which compares with the replica's row, still sees the change and reads the tags anew.
    package func renewVersion(_ id: Int64, stamp: FileStamp) throws(CacheError) {
        try perform("renew a version") { try $0.renew(id, stamp: stamp) }
    }

    /// Names a file in the quarantine; it stays in the tree as it is.
    package func quarantine(replica: Int64, reason: String) throws(CacheError) {
        try perform("quarantine a file") { try $0.quarantine(replica, reason: reason) }
    }

    /// The origins of the configuration: new ones are added, those that are gone go with all their files.
    ///
    /// - Returns: their ids, by the configuration's id.
    @discardableResult
    package func setOrigins(_ origins: [OriginSetting]) throws(CacheError) -> [String: Int64] {
        // A successor whose predecessor hangs in the kernel with the write lock must not wait for it (rule 3 of take-over):
        // the usual case, that nothing has changed, is only read.
        let known = try report.wrapping("read the origins") {
            try state.withLock { state in try state.writer.knownOrigins(origins) }
        }
        if let known { return known }
        return try perform("set the origins") { try $0.setOrigins(origins) }.result
    }

    /// Files of origins that are no longer configured, a batch at a time; none is left when it answers false.
    package func removeForgottenOrigins() throws(CacheError) -> Bool {
        try perform("remove an origin") { try $0.removeForgottenOrigin(limit: 2000) }.result
    }

    /// Notes what a scan found out about its origin as a whole.
    package func noteOrigin(
        _ id: Int64, device: UInt64?, suspect: String?, scanned: Bool
    ) throws(CacheError) {
        try perform("note an origin's state") {
            try $0.noteOrigin(id, device: device, suspect: suspect, scanned: scanned)
        }
    }

    package func saveScan(_ scan: ScanRecord) throws(CacheError) {
        try perform("save a scan's progress") { try $0.saveScan(scan) }
    }

    /// Places all tracks anew where the template differs from the one that the tree was made with, a batch at a time.
    ///
    /// - Returns: whether there is more to do.
    package func adoptTemplate() throws(CacheError) -> Bool {
        try perform("lay out the tree anew") { try $0.adoptTemplate(limit: 2000) }.result
    }

    /// To be called once for each mount, before it is served.
    package func beginConnection() throws(CacheError) {
        try perform("begin a connection") { $0.counters.connection += 1 }
    }

    /// Forgets versions that no node shows any more and that only earlier connections can have known, some at a time.
    ///
    /// - Returns: whether there is more to do.
    package func clearTombstones() throws(CacheError) -> Bool {
        try perform("forget old versions") { writer in
            try writer.trimChanges()
            return try writer.clearTombstones(limit: 5000)
        }.result
    }

    package func checkpoint() throws(CacheError) {
        try report.wrapping("checkpoint", isWrite: true) { try state.withLock { try $0.writer.database.checkpoint() } }
    }

    // MARK: Moving

    /// Whether the file at `path` is still the one that was opened.
    package var isInPlace: Bool {
        guard let status = try? FileStatus.of(path) else { return false }
        return status.inode == identity.inode && status.device == identity.device
    }

    /// Writes all that the library holds to another file, with the epoch and all ids, and writes nothing here any more:
    /// whatever is given out from now on is given out there.
    ///
    /// - Throws: when it cannot be read or the file cannot be written; then it goes on as it was.
    package func move(to target: FilePath) throws(CacheError) {
        try wrapping("copy to \(target)") {
            try state.withLock { state in
                try DatabaseFile.write(state.writer.database, to: target)
                state.isFrozen = true
            }
        }
    }

    /// Lets go of the writer's cached pages, unless it is at work: then they are needed.
    package func releaseMemory() throws(CacheError) {
        _ = try wrapping("release memory") {
            try state.withLockIfAvailable { try $0.writer.database.releaseMemory() }
        }
    }

    @discardableResult
    private func perform<R: Sendable>(
        _ doing: String, _ body: @Sendable (LibraryWriter) throws -> R
    ) throws(CacheError) -> (result: R, batch: AppliedBatch) {
        let done = try report.wrapping(doing, isWrite: true) {
            try state.withLock { state in
                if state.isFrozen { throw CacheError(.failed, "library: \(doing): another file has taken its place") }
                defer { rebuilding.store(state.writer.isRebuilding, ordering: .relaxed) }
                let before = state.writer.lastChange
                let done = try state.writer.perform(body)
                return (result: done.result, batch: done.batch, isNews: done.batch.sequence > before)
            }
        }
        if done.isNews { onCommit(done.batch.changes, done.batch.sequence) }
        if let onFiles, !done.batch.files.isEmpty { onFiles(done.batch.files) }
        return (done.result, done.batch)
    }
}

/// An origin as the configuration gives it.
package struct OriginSetting: Hashable, Sendable {
    package var name: String
    package var type: String
    package var root: FilePath
    package var priority: Int
    /// Whether its content is kept in the chunk store, and so needs a key.
    package var isCached: Bool

    package init(name: String, type: String, root: FilePath, priority: Int, isCached: Bool = false) {
        self.name = name
        self.type = type
        self.root = root
        self.priority = priority
        self.isCached = isCached
    }
}

/// How far a scan has come.
package struct ScanRecord: Hashable, Sendable {
    package enum Phase: String, Hashable, Sendable { case walking, removing, finished }

    package var origin: Int64
    /// Grows with each scan of the origin.
    package var sequence: Int64
    package var phase: Phase
    /// Nanoseconds since the epoch.
    package var started: Int64
    package var filesSeen: Int64
    /// The folder that was walked last.
    package var lastFolder: [UInt8]

    package init(
        origin: Int64, sequence: Int64, phase: Phase, started: Int64, filesSeen: Int64, lastFolder: [UInt8]
    ) {
        self.origin = origin
        self.sequence = sequence
        self.phase = phase
        self.started = started
        self.filesSeen = filesSeen
        self.lastFolder = lastFolder
    }
}
