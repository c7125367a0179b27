import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// A row of `nodes`.
struct NodeRow {
    var id: Int64
    var parent: Int64
    var name: [UInt8]
    var isDirectory: Bool
    var version: Int64 = 0
    var origin: Int64 = 0
    var size: Int64 = 0
    var modified: Int64
    var links: Int64
    var replica: Int64?
    /// The name that it would have if nobody else wanted it; nil when it has it.
    var wanted: [UInt8]?

    var wantedName: [UInt8] { wanted ?? name }
}

/// Reading and writing single rows.
extension LibraryWriter {
    func nextID(_ counter: WritableKeyPath<LibraryCounters, Int64>) -> Int64 {
        defer { counters[keyPath: counter] += 1 }
        return counters[keyPath: counter]
    }

    // MARK: Replicas

    func replica(_ id: Int64) throws -> ReplicaRow? {
        let statement = statements.replicaByID
        defer { statement.reset() }
        statement.bind(1, id)
        return try statement.step() ? replicaRow(statement) : nil
    }

    func replica(folder: Int64, name: [UInt8]) throws -> ReplicaRow? {
        let statement = statements.replicaByName
        defer { statement.reset() }
        statement.bind(1, folder)
        statement.bind(2, name)
        return try statement.step() ? replicaRow(statement) : nil
    }

    /// All rows of a query over `WriterStatements.replicaColumns` with one bound blob or integer.
    func replicas(_ statement: Statement, _ bind: (Statement) -> Void) throws -> [ReplicaRow] {
        defer { statement.reset() }
        bind(statement)
        var rows: [ReplicaRow] = []
        while try statement.step() { rows.append(replicaRow(statement)) }
        return rows
    }

    func replicaRow(_ row: Statement) -> ReplicaRow {
        ReplicaRow(
            id: row.integer(0), folder: row.integer(1), name: row.bytes(2),
            kind: Schema.ReplicaKind(rawValue: row.integer(3)) ?? .companion, origin: row.integer(4),
            stamp: FileStamp(
                size: row.integer(5), modified: row.integer(6), inode: UInt64(bitPattern: row.integer(7)),
                etag: row.optionalBytes(14) ?? []),
            track: row.optionalInteger(8), node: row.optionalInteger(9), isSecondary: row.integer(10) != 0,
            head: row.optionalBytes(11), tail: row.optionalBytes(12), audio: row.optionalBytes(13),
            isPostponed: row.integer(15) != 0)
    }

    func save(_ replica: ReplicaRow, isNew: Bool = false) throws {
        let statement = isNew ? statements.insertReplica : statements.updateReplica
        statement.bind(1, replica.id)
        statement.bind(2, replica.folder)
        statement.bind(3, replica.name)
        statement.bind(4, replica.kind.rawValue)
        statement.bind(5, replica.origin)
        statement.bind(6, replica.stamp.size)
        statement.bind(7, replica.stamp.modified)
        statement.bind(8, Int64(bitPattern: replica.stamp.inode))
        statement.bind(9, replica.track)
        statement.bind(10, replica.node)
        statement.bind(11, replica.isSecondary ? 1 : 0)
        statement.bind(12, replica.head)
        statement.bind(13, replica.tail)
        statement.bind(14, replica.audio)
        statement.bind(15, replica.stamp.etag.isEmpty ? nil : replica.stamp.etag)
        statement.bind(16, replica.isPostponed ? 1 : 0)
        try statement.run()
    }

    // MARK: Nodes

    func node(_ id: Int64) throws -> NodeRow? {
        let statement = statements.nodeByID
        defer { statement.reset() }
        statement.bind(1, id)
        return try statement.step() ? nodeRow(statement) : nil
    }

    func node(parent: Int64, name: [UInt8]) throws -> NodeRow? {
        let statement = statements.nodeByName
        defer { statement.reset() }
        statement.bind(1, parent)
        statement.bind(2, name)
        return try statement.step() ? nodeRow(statement) : nil
    }

    /// Entries of `parent` whose names lie in `low ..< high`, by bytes.
    func nodes(parent: Int64, from low: [UInt8], below high: [UInt8]) throws -> [NodeRow] {
        let statement = statements.nodesInRange
        defer { statement.reset() }
        statement.bind(1, parent)
        statement.bind(2, low)
        statement.bind(3, high)
        var rows: [NodeRow] = []
        while try statement.step() { rows.append(nodeRow(statement)) }
        return rows
    }

    private func nodeRow(_ row: Statement) -> NodeRow {
        NodeRow(
            id: row.integer(0), parent: row.integer(1), name: row.bytes(2), isDirectory: row.integer(3) == 0,
            version: row.integer(4), origin: row.integer(5), size: row.integer(6), modified: row.integer(7),
            links: row.integer(8), replica: row.optionalInteger(9), wanted: row.optionalBytes(10))
    }

    func save(_ node: NodeRow, isNew: Bool) throws {
        let statement = isNew ? statements.insertNode : statements.updateNode
        statement.bind(1, node.id)
        statement.bind(2, node.parent)
        statement.bind(3, node.name)
        statement.bind(4, node.isDirectory ? 0 : 1)
        statement.bind(5, node.version)
        statement.bind(6, node.origin)
        statement.bind(7, node.size)
        statement.bind(8, node.modified)
        statement.bind(9, node.links)
        statement.bind(10, node.replica)
        statement.bind(11, node.wanted)
        try statement.run()
        fileSaved(node)
    }

    func deleteNode(_ id: Int64) throws {
        statements.deleteNode.bind(1, id)
        try statements.deleteNode.run()
        nodeDeleted(id)
    }

    // MARK: Versions and changes

    /// A new content version of a node; what it had before becomes a tombstone, for handles that are still open.
    func makeVersion(node: Int64, replica: ReplicaRow, replacing old: Int64) throws -> Int64 {
        let id = nextID(\.nextVersion)
        let statement = statements.insertVersion
        statement.bind(1, id)
        statement.bind(2, node)
        statement.bind(3, replica.id)
        statement.bind(4, replica.track)
        statement.bind(5, replica.origin)
        statement.bind(6, replica.stamp.size)
        statement.bind(7, replica.stamp.modified)
        statement.bind(8, Int64(bitPattern: replica.stamp.inode))
        statement.bind(9, replica.stamp.etag.isEmpty ? nil : replica.stamp.etag)
        statement.bind(10, try contentKey(of: replica)?.bytes)
        let layout = try replica.track.flatMap { try track($0)?.report?.layout }
        statement.bind(11, layout?.audioStart)
        statement.bind(12, layout?.audioEnd)
        try statement.run()
        try bury(old)
        return id
    }

    /// What the content is cached under. nil for what lies on one local disk alone and is never cached.
    private func contentKey(of replica: ReplicaRow) throws -> ContentKey? {
        guard let origin = origins[replica.origin] else { return nil }
        if identifiesContent, let head = replica.head, let tail = replica.tail, let audio = replica.audio {
            return ContentKey(
                size: replica.stamp.size, identity: ContentIdentity(head: head, tail: tail, audio: audio))
        }
        guard origin.isCached, let folder = try folder(replica.folder) else { return nil }
        return ContentKey(origin: origin.name, path: joined(folder.path, replica.name), stamp: replica.stamp)
    }

    func bury(_ version: Int64) throws {
        guard version != 0 else { return }
        statements.insertTombstone.bind(1, version)
        statements.insertTombstone.bind(2, counters.connection)
        try statements.insertTombstone.run()
    }

    func record(_ kind: Schema.ChangeKind, _ id: Int64, name: [UInt8]? = nil) throws {
        let statement = statements.insertChange
        statement.bind(1, nextID(\.nextChange))
        statement.bind(2, kind.rawValue)
        statement.bind(3, id)
        statement.bind(4, name)
        try statement.run()
    }

    /// Notes that the kernel may know `name` in `directory` wrongly, unless it cannot know the directory at all.
    func entryChanged(_ directory: Int64, _ name: [UInt8]) throws {
        guard !batch.freshDirectories.contains(directory) else { return }
        batch.result.changes.append(.entry(parent: directory, name: name))
        try record(.entry, directory, name: name)
    }

    // MARK: Folders

    struct Folder {
        var id: Int64
        var origin: Int64
        var path: [UInt8]
        var audio: Int64
        var companions: Int64
        /// The directory that its companions go to; nil when nowhere, or not yet known.
        var target: Int64?
    }

    func folder(_ id: Int64) throws -> Folder? {
        let statement = statements.folderByID
        defer { statement.reset() }
        statement.bind(1, id)
        guard try statement.step() else { return nil }
        let pending = batch.folderCounts[id] ?? FolderDelta()
        return Folder(
            id: id, origin: statement.integer(0), path: statement.bytes(1),
            audio: statement.integer(2) + pending.audio, companions: statement.integer(3) + pending.companions,
            target: statement.optionalInteger(4))
    }

    func folderID(origin: Int64, path: [UInt8]) throws -> Int64? {
        let key = FolderKey(origin: origin, path: path)
        if let known = folderCache[key] { return known }
        let statement = statements.folderByPath
        defer { statement.reset() }
        statement.bind(1, origin)
        statement.bind(2, path)
        guard try statement.step() else { return nil }
        folderCache[key] = statement.integer(0)
        return statement.integer(0)
    }

    func ensureFolder(origin: Int64, path: [UInt8]) throws -> Int64 {
        if let known = try folderID(origin: origin, path: path) { return known }
        let id = nextID(\.nextFolder)
        statements.insertFolder.bind(1, id)
        statements.insertFolder.bind(2, origin)
        statements.insertFolder.bind(3, path)
        try statements.insertFolder.run()
        folderCache[FolderKey(origin: origin, path: path)] = id
        return id
    }
}
