import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

/// Applies batches of differences to library.db and keeps the tree in step.
///
/// The tree is a function of the replicas, their tags, the origins' order and the template, whatever the order in which
/// they became known: each batch works out again every name that it could have changed (D1, D18, D19, D21), so that an
/// incremental library equals one built from scratch.
///
/// Owned by `Library`, under its lock.
final class LibraryWriter {
    let database: Database
    let statements: WriterStatements
    var counters: LibraryCounters
    /// What `meta` holds now, so that only what changed is written.
    private var savedCounters: LibraryCounters
    var template: PathTemplate
    /// Whether it took the place of a library that was lost, and there are origins that were not scanned since.
    var isRebuilding: Bool
    /// Whether covers, lyrics and the like are shown (`tree.companions`).
    let showsCompanions: Bool
    /// Whether content is known by its identity where it has one (`cache.retag = "trust"`).
    let identifiesContent: Bool
    /// Origins by id; D19 orders by (priority, name).
    var origins: [Int64: OriginRecord] = [:]
    /// Directories of the tree by place. Bounded; forgotten after a rollback.
    var directoryCache: [DirectoryKey: Int64] = [:]
    var folderCache: [FolderKey: Int64] = [:]
    var albumCache: [AlbumKey: Int64] = [:]
    var multidiscCache: [Int64: Bool] = [:]
    /// Paths of directories by node. Bounded; forgotten after a rollback.
    var directoryPaths: [Int64: [UInt8]] = [:]
    /// Whether anybody is told which files a batch changed.
    let tellsFiles: Bool
    /// Everything about the batch at hand.
    var batch = Batch()

    struct DirectoryKey: Hashable {
        var parent: Int64
        var name: [UInt8]
    }

    struct FolderKey: Hashable {
        var origin: Int64
        var path: [UInt8]
    }

    struct AlbumKey: Hashable {
        var artist: String
        var title: String
    }

    init(
        database: Database, template: PathTemplate, showsCompanions: Bool, identifiesContent: Bool, tellsFiles: Bool
    ) throws(SQLiteError) {
        self.database = database
        self.tellsFiles = tellsFiles
        self.showsCompanions = showsCompanions
        self.identifiesContent = identifiesContent
        self.template = template
        statements = try WriterStatements(database)
        counters = try LibraryCounters.load(database)
        savedCounters = counters
        isRebuilding = try database.integer("SELECT 1 FROM meta WHERE key = 'rebuilding'") != nil
    }

    /// Runs `body` as one batch in one transaction; afterwards the tree is whole again.
    func perform<R>(_ body: (LibraryWriter) throws -> R) throws -> (result: R, batch: AppliedBatch) {
        batch = Batch()
        let (before, originsBefore) = (counters, origins)
        do {
            let result = try database.transaction { () throws -> R in
                let result = try body(self)
                try settle()
                batch.result.files = try fileChanges()
                try counters.save(statements.setMeta, unless: savedCounters)
                return result
            }
            savedCounters = counters
            defer { batch = Batch() }
            batch.result.sequence = lastChange
            return (result, batch.result)
        } catch {
            (counters, origins) = (before, originsBefore)
            forgetCaches()
            isRebuilding = (try? database.integer("SELECT 1 FROM meta WHERE key = 'rebuilding'")) != nil
            throw error
        }
    }

    /// The number of the last row of `changes`.
    var lastChange: Int64 { counters.nextChange - 1 }

    func forgetCaches() {
        directoryCache.removeAll()
        folderCache.removeAll()
        albumCache.removeAll()
        multidiscCache.removeAll()
        directoryPaths.removeAll()
    }

    /// Gives every replica that the batch touched its place, then repairs what hangs on that.
    private func settle() throws {
        try settleFolderCounts()
        try settleDuplicates()
        try settleAlbums()
        try placeAudio()
        try settleFamilies()
        try settleCompanions()
        try settleFamilies()
        try settleDirectories()
        try removeEmptyFolders()
        trimCaches()
    }

    private func trimCaches() {
        if directoryCache.count > 50_000 { directoryCache.removeAll() }
        if folderCache.count > 20_000 { folderCache.removeAll() }
        if albumCache.count > 20_000 { albumCache.removeAll() }
        if multidiscCache.count > 20_000 { multidiscCache.removeAll() }
        if directoryPaths.count > 20_000 { directoryPaths.removeAll() }
    }

    /// What one batch has touched so far and not settled yet.
    struct Batch {
        var result = AppliedBatch()
        /// Audio replicas whose place must be worked out again.
        var audioToPlace: Set<Int64> = []
        /// Rows of this batch that placing needs again, so that they need not be read back.
        var rows: [Int64: ReplicaRow] = [:]
        /// Tracks by id that are at hand, so that they need not be decoded from the database.
        var tracks: [Int64: TrackRow] = [:]
        /// Nodes whose id is given out but which are not in the table yet.
        var reservedNodes: Set<Int64> = []
        /// Replicas whose bytes changed, so that their node needs a new version.
        var contentChanged: Set<Int64> = []
        var albumsToCheck: Set<Int64> = []
        /// Families of names to assign again, with those that want to join.
        var families: [FamilyKey: [Newcomer]] = [:]
        /// The family that a node has been put forward for.
        var candidacies: [Int64: FamilyKey] = [:]
        var directories: [Int64: DirectoryDelta] = [:]
        /// Directories made in this batch: the kernel cannot know anything of them.
        var freshDirectories: Set<Int64> = []
        /// The families that exist in a fresh directory, so that it need not be searched for them.
        var freshFamilies: Set<FamilyKey> = []
        /// Folders whose companions may have to move.
        var foldersToCheck: Set<Int64> = []
        var companionsToPlace: Set<Int64> = []
        var folderCounts: [Int64: FolderDelta] = [:]
        var foldersThatShrank: [Int64] = []
        var identitiesToCheck: Set<[UInt8]> = []
        /// Nodes of files that were written, by id.
        var files: [Int64: FileNote] = [:]
        var now = wallClockNanoseconds()
    }

    struct FamilyKey: Hashable {
        var directory: Int64
        var family: [UInt8]
    }

    /// A replica that wants a name in a directory.
    struct Newcomer {
        var node: Int64
        var replica: ReplicaRow
        var wanted: [UInt8]
        /// Whether `node` is in the table already, parked out of sight.
        var isParked: Bool
    }

    struct DirectoryDelta {
        var entries: Int64 = 0
        var links: Int64 = 0
    }

    struct FolderDelta {
        var audio: Int64 = 0
        var companions: Int64 = 0
    }
}

/// An origin as the library keeps it.
package struct OriginRecord: Hashable, Sendable {
    package var id: Int64
    /// The id of the configuration.
    package var name: String
    package var type: String
    package var root: FilePath
    package var priority: Int
    /// The device number of the root when it was last scanned completely; nil before.
    package var device: UInt64?
    /// Audio files and companions.
    package var files: Int64
    /// Audio files alone.
    package var tracks: Int64
    /// Why removals are held back; nil when they are not.
    package var suspect: String?
    /// Nanoseconds since the epoch.
    package var lastScan: Int64?
    /// Whether its content is kept in the chunk store.
    package var isCached: Bool
}

/// A row of `replicas`.
struct ReplicaRow {
    var id: Int64
    var folder: Int64
    var name: [UInt8]
    var kind: Schema.ReplicaKind
    var origin: Int64
    var stamp: FileStamp
    var track: Int64?
    var node: Int64?
    var isSecondary: Bool
    var head: [UInt8]?
    var tail: [UInt8]?
    var audio: [UInt8]?
    /// Its tags are to be read by the next scan whatever it looks like.
    var isPostponed = false
}
