import MusicFSCore
import MusicFSSQLite

/// A file of the tree that plays.
package struct PlayableFile: Hashable, Sendable {
    package var node: Int64
    package var track: Int64
}

/// What the history and the prediction of what is played next ask the library.
extension LibraryReader {
    /// Milliseconds; nil where it is not known.
    package func duration(ofTrack id: Int64) throws(CacheError) -> Int64? {
        try report.wrapping("look up a duration") {
            let statement = try database.prepare("SELECT duration_ms FROM tracks WHERE id = ?")
            statement.bind(1, id)
            return try statement.step() ? statement.optionalInteger(0) : nil
        }
    }

    /// Where the file lies that a node shows; nil when it is gone.
    package func playedFile(node: Int64) throws(CacheError) -> OriginPath? {
        try report.wrapping("look up where a file lies") {
            let statement = try database.prepare(
                """
                SELECT o.name, f.path, r.name FROM nodes n JOIN replicas r ON r.id = n.replica
                JOIN folders f ON f.id = r.folder JOIN origins o ON o.id = f.origin WHERE n.id = ?
                """)
            statement.bind(1, node)
            guard try statement.step() else { return nil }
            return OriginPath(origin: statement.text(0), path: joined(statement.bytes(1), statement.bytes(2)))
        }
    }

    /// The tracks that the tree shows now for files, by where they lie; those that are not known are left out.
    package func playable(_ files: [OriginPath]) throws(CacheError) -> [OriginPath: PlayableFile] {
        try report.wrapping("look up what was played") {
            // A copy of what another origin shows is that track.
            let statement = try database.prepare(
                """
                SELECT n.id, shown.track FROM origins o JOIN folders f ON f.origin = o.id
                JOIN replicas r ON r.folder = f.id JOIN nodes n ON n.id = r.node JOIN replicas shown ON shown.id = n.replica
                WHERE o.name = ? AND f.path = ? AND r.name = ? AND shown.track IS NOT NULL
                """)
            var known: [OriginPath: PlayableFile] = [:]
            for file in files where known[file] == nil {
                let (folder, name) = divided(file.path)
                statement.bind(1, file.origin)
                statement.bind(2, folder)
                statement.bind(3, name)
                if try statement.step() {
                    known[file] = PlayableFile(node: statement.integer(0), track: statement.integer(1))
                }
                statement.reset()
            }
            return known
        }
    }

    /// The nodes that follow a track: in its album, by disc and number, without copies of the same song; or by their
    /// names in its directory where it belongs to no album.
    package func following(node: Int64, limit: Int) throws(CacheError) -> [Int64] {
        try report.wrapping("look up what follows a track") {
            let current = try database.prepare(
                """
                SELECT t.album, t.format, t.disc, t.track, n.name, n.parent FROM nodes n JOIN replicas r ON r.id = n.replica
                JOIN tracks t ON t.id = r.track WHERE n.id = ?
                """)
            current.bind(1, node)
            guard try current.step() else { return [] }
            let place = AlbumPlace(current)
            guard let album = current.optionalInteger(0) else {
                return try following(name: place.name, parent: current.integer(5), limit)
            }
            let statement = try database.prepare(
                """
                SELECT n.id, t.format, t.disc, t.track, n.name FROM tracks t JOIN replicas r ON r.id = t.replica
                JOIN nodes n ON n.id = r.node AND n.replica = r.id
                WHERE t.album = ?1 AND t.format = ?2
                ORDER BY coalesce(t.disc, 1), coalesce(t.track, 0), n.name
                """)
            statement.bind(1, album)
            statement.bind(2, current.text(1))
            var last = place
            var nodes: [Int64] = []
            while nodes.count < limit, try statement.step() {
                let next = AlbumPlace(statement)
                guard place < next, !last.isSameNumber(as: next) else { continue }
                nodes.append(statement.integer(0))
                last = next
            }
            return nodes
        }
    }

    private func following(name: [UInt8], parent: Int64, _ limit: Int) throws(SQLiteError) -> [Int64] {
        let statement = try database.prepare(
            """
            SELECT n.id FROM nodes n JOIN replicas r ON r.id = n.replica
            WHERE n.parent = ?1 AND n.name > ?2 AND r.track IS NOT NULL ORDER BY n.name LIMIT ?3
            """)
        statement.bind(1, parent)
        statement.bind(2, name)
        statement.bind(3, Int64(limit))
        var nodes: [Int64] = []
        while try statement.step() { nodes.append(statement.integer(0)) }
        return nodes
    }
}

/// Where a track stands in its album.
private struct AlbumPlace: Comparable {
    var disc: Int64
    /// 0 where it has none.
    var number: Int64
    var name: [UInt8]

    /// - Parameter row: with disc, number and name in the columns 2 to 4.
    init(_ row: Statement) {
        disc = row.optionalInteger(2) ?? 1
        number = row.optionalInteger(3) ?? 0
        name = row.bytes(4)
    }

    static func < (left: Self, right: Self) -> Bool {
        if left.disc != right.disc { return left.disc < right.disc }
        if left.number != right.number { return left.number < right.number }
        return left.name.lexicographicallyPrecedes(right.name)
    }

    func isSameNumber(as other: Self) -> Bool { number != 0 && (disc, number) == (other.disc, other.number) }
}
