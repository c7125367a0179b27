import MusicFSSQLite

/// The writer's prepared statements, each made once.
struct WriterStatements {
    static let replicaColumns =
        "id, folder, name, kind, origin, size, modified, inode, track, node, is_secondary, head, tail, audio, etag, is_postponed"
    static let nodeColumns = "id, parent, name, kind, version, origin, size, modified, links, replica, wanted"

    let setMeta: Statement
    let replicaByID: Statement
    let replicaByName: Statement
    let insertReplica: Statement
    let updateReplica: Statement
    let deleteReplica: Statement
    let secondaries: Statement
    let replicasByAudio: Statement
    let folderByPath: Statement
    let folderByID: Statement
    let insertFolder: Statement
    let companionsOfFolder: Statement
    let picturesBelow: Statement
    let foldersBelow: Statement
    let audioBelow: Statement
    let directoriesOfFolder: Statement
    let replicasInRange: Statement
    let addToFolder: Statement
    let addToOrigin: Statement
    let deleteFolder: Statement
    let setFolderTarget: Statement
    let insertTrack: Statement
    let updateTrack: Statement
    let deleteTrack: Statement
    let trackByID: Statement
    let nodeByID: Statement
    let nodeByName: Statement
    let nodesInRange: Statement
    let insertNode: Statement
    let updateNode: Statement
    let deleteNode: Statement
    let insertVersion: Statement
    let insertTombstone: Statement
    let insertChange: Statement
    let albumByName: Statement
    let albumByID: Statement
    let insertAlbum: Statement
    let setAlbum: Statement
    let albumDiscs: Statement
    let replicasOfAlbum: Statement
    let setQuarantine: Statement
    let clearQuarantine: Statement

    init(_ database: Database) throws(SQLiteError) {
        let replica = WriterStatements.replicaColumns
        let node = WriterStatements.nodeColumns
        setMeta = try database.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)")
        replicaByID = try database.prepare("SELECT \(replica) FROM replicas WHERE id = ?")
        replicaByName = try database.prepare("SELECT \(replica) FROM replicas WHERE folder = ? AND name = ?")
        insertReplica = try database.prepare("INSERT INTO replicas(\(replica)) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
        updateReplica = try database.prepare(
            """
            UPDATE replicas SET folder=?2, name=?3, kind=?4, origin=?5, size=?6, modified=?7, inode=?8, track=?9,
                node=?10, is_secondary=?11, head=?12, tail=?13, audio=?14, etag=?15, is_postponed=?16 WHERE id=?1
            """)
        deleteReplica = try database.prepare("DELETE FROM replicas WHERE id = ?")
        secondaries = try database.prepare("SELECT \(replica) FROM replicas WHERE node = ? AND is_secondary = 1")
        replicasByAudio = try database.prepare("SELECT \(replica) FROM replicas WHERE audio = ?")
        folderByPath = try database.prepare("SELECT id FROM folders WHERE origin = ? AND path = ?")
        folderByID = try database.prepare("SELECT origin, path, audio, companions, target FROM folders WHERE id = ?")
        insertFolder = try database.prepare("INSERT INTO folders(id, origin, path) VALUES(?, ?, ?)")
        companionsOfFolder = try database.prepare("SELECT \(replica) FROM replicas WHERE folder = ? AND kind = 1")
        picturesBelow = try database.prepare(
            "SELECT id FROM folders WHERE origin = ? AND path >= ? AND path < ? AND audio = 0 AND companions > 0")
        foldersBelow = try database.prepare(
            "SELECT id, path, audio FROM folders WHERE origin = ? AND path >= ? AND path < ?")
        audioBelow = try database.prepare(
            """
            SELECT 1 FROM folders WHERE origin = ? AND path >= ? AND path < ? AND audio > 0 LIMIT 1
            """)
        directoriesOfFolder = try database.prepare(
            """
            SELECT n.parent, count(*) FROM replicas r JOIN nodes n ON n.id = r.node
            WHERE r.folder = ? AND r.kind = 0 GROUP BY n.parent
            """)
        replicasInRange = try database.prepare(
            "SELECT \(replica) FROM replicas WHERE folder = ? AND name >= ? AND name < ?")
        addToFolder = try database.prepare(
            "UPDATE folders SET audio = audio + ?2, companions = companions + ?3 WHERE id = ?1")
        addToOrigin = try database.prepare(
            "UPDATE origins SET audio = audio + ?2, companions = companions + ?3 WHERE id = ?1")
        setFolderTarget = try database.prepare("UPDATE folders SET target = ?2 WHERE id = ?1")
        deleteFolder = try database.prepare("DELETE FROM folders WHERE id = ?")
        insertTrack = try database.prepare(
            """
            INSERT INTO tracks(id, album, is_readable, title, artist, album_title, album_artist, genre, composer, year,
                track, disc, disc_total, duration_ms, format, report, replica, added)
            VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
            """)
        updateTrack = try database.prepare(
            """
            UPDATE tracks SET album=?2, is_readable=?3, title=?4, artist=?5, album_title=?6, album_artist=?7, genre=?8,
                composer=?9, year=?10, track=?11, disc=?12, disc_total=?13, duration_ms=?14, format=?15, report=?16,
                replica=?17 WHERE id=?1
            """)
        deleteTrack = try database.prepare("DELETE FROM tracks WHERE id = ?")
        trackByID = try database.prepare("SELECT album, is_readable, report, disc, disc_total FROM tracks WHERE id = ?")
        nodeByID = try database.prepare("SELECT \(node) FROM nodes WHERE id = ?")
        nodeByName = try database.prepare("SELECT \(node) FROM nodes WHERE parent = ? AND name = ?")
        nodesInRange = try database.prepare("SELECT \(node) FROM nodes WHERE parent = ? AND name >= ? AND name < ?")
        insertNode = try database.prepare("INSERT INTO nodes(\(node)) VALUES(?,?,?,?,?,?,?,?,?,?,?)")
        updateNode = try database.prepare(
            """
            UPDATE nodes SET parent=?2, name=?3, kind=?4, version=?5, origin=?6, size=?7, modified=?8, links=?9,
                replica=?10, wanted=?11 WHERE id=?1
            """)
        deleteNode = try database.prepare("DELETE FROM nodes WHERE id = ?")
        insertVersion = try database.prepare("INSERT INTO versions VALUES(?,?,?,?,?,?,?,?,?,?,?,?)")
        insertTombstone = try database.prepare("INSERT OR IGNORE INTO tombstones VALUES(?, ?)")
        insertChange = try database.prepare("INSERT INTO changes VALUES(?,?,?,?)")
        albumByName = try database.prepare("SELECT id FROM albums WHERE artist = ? AND title = ?")
        albumByID = try database.prepare("SELECT multidisc FROM albums WHERE id = ?")
        insertAlbum = try database.prepare("INSERT INTO albums VALUES(?,?,?,?)")
        setAlbum = try database.prepare("UPDATE albums SET multidisc = ?2 WHERE id = ?1")
        albumDiscs = try database.prepare(
            "SELECT max(max(ifnull(disc, 0), ifnull(disc_total, 0))) FROM tracks WHERE album = ?")
        replicasOfAlbum = try database.prepare("SELECT replica FROM tracks WHERE album = ?")
        setQuarantine = try database.prepare("INSERT OR REPLACE INTO quarantine VALUES(?,?,?)")
        clearQuarantine = try database.prepare("DELETE FROM quarantine WHERE replica = ?")
    }
}
