import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

/// Reads the tree from library.db. One for each thread: it owns its connection and its prepared statements.
///
/// Cost of a look-up: a few B-tree pages, 5 to 10 µs. No call leaves a read transaction open.
package final class TreeReader {
    private let database: Database
    private let report: FailureReport
    private let byName: Statement
    private let byNode: Statement
    private let byCookie: Statement
    private let versions: Statement
    private let others: Statement
    private let paths: Statement
    private let totalsStatement: Statement
    private let origins: Statement
    private let places: Statement
    private let tracks: Statement

    init(database: Database, report: FailureReport) throws(SQLiteError) {
        self.database = database
        self.report = report
        let columns = "id, kind, version, origin, size, modified, links"
        byName = try database.prepare("SELECT \(columns) FROM nodes WHERE parent = ? AND name = ?")
        byNode = try database.prepare("SELECT \(columns), name FROM nodes WHERE id = ?")
        byCookie = try database.prepare(
            "SELECT \(columns), name FROM nodes WHERE parent = ? AND id > ? ORDER BY id LIMIT ?")
        versions = try database.prepare(
            """
            SELECT node, replica, track, origin, size, modified, inode, etag, key, payload_start, payload_end
            FROM versions WHERE id = ?
            """)
        others = try database.prepare(
            """
            SELECT r.id, r.origin, f.path, r.name, r.size, r.modified, r.inode, r.etag
            FROM replicas r JOIN folders f ON f.id = r.folder WHERE r.node = ?1 AND r.is_secondary = 1
                AND EXISTS (SELECT 1 FROM nodes WHERE id = ?1 AND version = ?2)
            """)
        paths = try database.prepare(
            "SELECT f.path, r.name FROM replicas r JOIN folders f ON f.id = r.folder WHERE r.id = ?")
        origins = try database.prepare("SELECT name, root FROM origins WHERE id = ?")
        places = try database.prepare("SELECT parent, name FROM nodes WHERE id = ?")
        tracks = try database.prepare(
            """
            SELECT n.id, n.modified FROM tracks t JOIN replicas r ON r.id = t.replica JOIN nodes n ON n.id = r.node
            WHERE t.id = ?
            """)
        totalsStatement = try database.prepare(
            "SELECT key, value FROM meta WHERE key IN ('tracks', 'files', 'directories', 'bytes')")
    }

    /// The entry of `parent` called `name`; nil when there is none.
    package func entry(parent: Int64, name: UnsafeRawBufferPointer) throws(CacheError) -> TreeEntry? {
        try report.wrapping("look up a name") {
            defer { byName.reset() }
            byName.bind(1, parent)
            unsafe byName.bind(2, name)
            guard try byName.step() else { return nil }
            return try row(byName, name: unsafe Array(name))
        }
    }

    package func entry(parent: Int64, name: [UInt8]) throws(CacheError) -> TreeEntry? {
        let result: Result<TreeEntry?, CacheError> = unsafe name.withUnsafeBytes { bytes in
            do throws(CacheError) {
                return .success(unsafe try entry(parent: parent, name: bytes))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    package func entry(node: Int64) throws(CacheError) -> TreeEntry? {
        try report.wrapping("look up a node") {
            defer { byNode.reset() }
            byNode.bind(1, node)
            guard try byNode.step() else { return nil }
            return try row(byNode, name: byNode.bytes(7))
        }
    }

    /// Entries of a directory in the order of their ids, which are the cookies; those after `cookie`.
    package func children(of parent: Int64, after cookie: Int64, limit: Int) throws(CacheError) -> [TreeEntry] {
        try report.wrapping("list a directory") {
            defer { byCookie.reset() }
            byCookie.bind(1, parent)
            byCookie.bind(2, cookie)
            byCookie.bind(3, Int64(limit))
            var entries: [TreeEntry] = []
            entries.reserveCapacity(min(limit, 1024))
            while try byCookie.step() { try entries.append(row(byCookie, name: byCookie.bytes(7))) }
            return entries
        }
    }

    package func version(_ id: Int64) throws(CacheError) -> ContentVersion? {
        try report.wrapping("look up a version") {
            defer { versions.reset() }
            versions.bind(1, id)
            guard try versions.step() else { return nil }
            let replica = versions.integer(1)
            return ContentVersion(
                id: id, node: versions.integer(0), track: versions.optionalInteger(2),
                origin: versions.integer(3), replica: replica, path: try path(ofReplica: replica),
                stamp: FileStamp(
                    size: versions.integer(4), modified: versions.integer(5),
                    inode: UInt64(bitPattern: versions.integer(6)), etag: versions.optionalBytes(7) ?? []),
                key: versions.optionalBytes(8).flatMap(ContentKey.init(bytes:)), payload: payload(versions))
        }
    }

    private func payload(_ statement: Statement) -> Range<Int64>? {
        guard let start = statement.optionalInteger(9), let end = statement.optionalInteger(10), 0 <= start,
            start <= end
        else { return nil }
        return start..<end
    }

    /// Files of other origins that are equal to a version (D18); none once its node shows another version.
    package func otherReplicas(of version: ContentVersion) throws(CacheError) -> [OtherReplica] {
        try report.wrapping("look up replicas") {
            defer { others.reset() }
            others.bind(1, version.node)
            others.bind(2, version.id)
            var replicas: [OtherReplica] = []
            while try others.step() {
                guard let path = FilePath(bytes: joined(others.bytes(2), others.bytes(3))) else { continue }
                replicas.append(
                    OtherReplica(
                        id: others.integer(0), origin: others.integer(1), path: path,
                        stamp: FileStamp(
                            size: others.integer(4), modified: others.integer(5),
                            inode: UInt64(bitPattern: others.integer(6)), etag: others.optionalBytes(7) ?? [])))
            }
            return replicas
        }
    }

    package func totals() throws(CacheError) -> LibraryTotals {
        try report.wrapping("read the totals") {
            defer { totalsStatement.reset() }
            var values: [String: Int64] = [:]
            while try totalsStatement.step() { values[totalsStatement.text(0)] = totalsStatement.integer(1) }
            return LibraryTotals(
                tracks: values["tracks"] ?? 0, files: values["files"] ?? 0,
                directories: values["directories"] ?? 1, bytes: values["bytes"] ?? 0)
        }
    }

    /// Where a node is; nil when it is gone.
    package func place(ofNode node: Int64) throws(CacheError) -> (parent: Int64, name: [UInt8])? {
        try report.wrapping("look up a node's place") {
            defer { places.reset() }
            places.bind(1, node)
            return try places.step() ? (places.integer(0), places.bytes(1)) : nil
        }
    }

    /// Where a file is below the root, beginning with "/"; nil when it is gone.
    package func path(ofFile node: Int64) throws(CacheError) -> FilePath? {
        var path: [UInt8] = []
        var node = node
        while node != 1 {
            // A damaged tree could lead in a circle.
            guard node > 0, path.count < 1 << 16, let place = try place(ofNode: node) else { return nil }
            path = [UInt8(ascii: "/")] + place.name + path
            node = place.parent
        }
        return FilePath(bytes: path)
    }

    /// Where a track is in the tree, and when its file was modified, nanoseconds since the epoch; nil when it is gone or not
    /// placed yet.
    package func place(ofTrack id: Int64) throws(CacheError) -> (path: FilePath, modified: Int64)? {
        let node: (id: Int64, modified: Int64)? = try report.wrapping("look up a track") {
            defer { tracks.reset() }
            tracks.bind(1, id)
            return try tracks.step() ? (tracks.integer(0), tracks.integer(1)) : nil
        }
        guard let node, let path = try path(ofFile: node.id) else { return nil }
        return (path, node.modified)
    }

    /// The name and the root of an origin.
    package func origin(_ id: Int64) throws(CacheError) -> (name: String, root: FilePath)? {
        try report.wrapping("look up an origin") {
            defer { origins.reset() }
            origins.bind(1, id)
            guard try origins.step(), let root = FilePath(bytes: origins.bytes(1)) else { return nil }
            return (origins.text(0), root)
        }
    }

    /// A replica's path below its origin's root; nil when it is gone.
    private func path(ofReplica replica: Int64) throws(SQLiteError) -> FilePath? {
        defer { paths.reset() }
        paths.bind(1, replica)
        guard try paths.step() else { return nil }
        return FilePath(bytes: joined(paths.bytes(0), paths.bytes(1)))
    }

    /// - Throws: where the id is none that was ever given out.
    private func row(_ statement: Statement, name: [UInt8]) throws(SQLiteError) -> TreeEntry {
        let (node, version) = (statement.integer(0), statement.integer(2))
        guard (1..<NodeLimit.ids).contains(node), (0..<NodeLimit.ids).contains(version) else {
            throw SQLiteError(
                extendedCode: 11, message: "the node \(node) has the version \(version)", context: "nodes")
        }
        return TreeEntry(
            node: node, kind: statement.integer(1) == 0 ? .directory : .file, name: name,
            version: version, origin: statement.integer(3), size: statement.integer(4),
            modified: statement.integer(5), links: statement.integer(6))
    }
}

/// What fits into the kernel's numbers: 36 bits (`NodeID`).
private enum NodeLimit {
    static let ids: Int64 = 1 << 36
}

/// A file's path from its folder's and its name; the root folder is empty.
func joined(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
    folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
}

/// The opposite.
func divided(_ path: [UInt8]) -> (folder: [UInt8], name: [UInt8]) {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return ([], path) }
    return (Array(path[..<slash]), Array(path[(slash + 1)...]))
}
