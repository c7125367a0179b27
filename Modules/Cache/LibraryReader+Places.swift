import MusicFSSQLite
import MusicFSSystem

extension LibraryReader {
    /// Where tracks are, in the order in which they are given; those that the tree does not show are left out.
    ///
    /// Cost: some microseconds for each, as directories that several are in are looked up once.
    package func places(
        of tracks: some Sequence<Int64>
    ) throws(CacheError) -> [(track: Int64, place: TrackPlace)] {
        try report.wrapping("look tracks up") {
            let rows = try database.prepare(
                """
                SELECT r.node, t.title, t.artist, t.album_title, t.year, t.duration_ms, n.modified
                FROM tracks t JOIN replicas r ON r.id = t.replica JOIN nodes n ON n.id = r.node AND n.replica = r.id
                WHERE t.id = ?
                """)
            let paths = try NodePaths(database)
            var places: [(track: Int64, place: TrackPlace)] = []
            for id in tracks {
                rows.bind(1, id)
                if try rows.step(), let path = try paths.path(ofFile: rows.integer(0)) {
                    places.append(
                        (
                            id,
                            TrackPlace(
                                node: rows.integer(0), title: rows.optionalText(1), artist: rows.optionalText(2),
                                duration: rows.optionalInteger(5), modified: rows.integer(6), path: path,
                                album: rows.optionalText(3), year: rows.optionalInteger(4))
                        ))
                }
                rows.reset()
            }
            return places
        }
    }
}

/// Works out paths of nodes, and keeps those of directories.
private final class NodePaths {
    private let node: Statement
    private var directories: [Int64: FilePath] = [1: "/"]

    init(_ database: Database) throws(SQLiteError) {
        node = try database.prepare("SELECT parent, name FROM nodes WHERE id = ?")
    }

    /// nil when it is gone.
    func path(ofFile id: Int64) throws(SQLiteError) -> FilePath? {
        guard let (parent, name) = try place(id), let above = try path(ofDirectory: parent, depth: 0) else {
            return nil
        }
        return above.appending(name)
    }

    private func path(ofDirectory id: Int64, depth: Int) throws(SQLiteError) -> FilePath? {
        if let known = directories[id] { return known }
        // A damaged tree could lead in a circle.
        guard depth < 256, let (parent, name) = try place(id),
            let above = try path(ofDirectory: parent, depth: depth + 1)
        else { return nil }
        let path = above.appending(name)
        directories[id] = path
        return path
    }

    private func place(_ id: Int64) throws(SQLiteError) -> (parent: Int64, name: [UInt8])? {
        defer { node.reset() }
        node.bind(1, id)
        return try node.step() ? (node.integer(0), node.bytes(1)) : nil
    }
}
