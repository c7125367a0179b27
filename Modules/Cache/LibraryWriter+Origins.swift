import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// Origins, scans, and what concerns the library as a whole.
extension LibraryWriter {
    func loadOrigins() throws {
        origins = [:]
        for origin in try OriginRecord.all(database) { origins[origin.id] = origin }
    }

    /// The ids of these origins, if they are all and just as the library has them; nil otherwise.
    func knownOrigins(_ settings: [OriginSetting]) throws -> [String: Int64]? {
        try loadOrigins()
        let known = Set(
            origins.values.map {
                OriginSetting(
                    name: $0.name, type: $0.type, root: $0.root, priority: $0.priority, isCached: $0.isCached)
            })
        guard known == Set(settings), try database.integer("SELECT 1 FROM origins WHERE is_forgotten = 1") == nil else {
            return nil
        }
        return Dictionary(origins.values.map { ($0.name, $0.id) }) { first, _ in first }
    }

    func setOrigins(_ settings: [OriginSetting]) throws -> [String: Int64] {
        try loadOrigins()
        let insert = try database.prepare(
            "INSERT INTO origins(name, type, root, priority, is_cached) VALUES(?, ?, ?, ?, ?)")
        let update = try database.prepare(
            """
            UPDATE origins SET type = ?2, priority = ?4, device = CASE WHEN root = ?3 THEN device END, root = ?3,
                is_cached = ?5, is_forgotten = 0 WHERE name = ?1
            """)
        let orderBefore = origins.values.sorted { ($0.priority, $0.name) < ($1.priority, $1.name) }.map(\.id)
        for setting in settings {
            let isKnown = origins.values.contains { $0.name == setting.name }
            let statement = isKnown ? update : insert
            statement.bind(1, setting.name)
            statement.bind(2, setting.type)
            statement.bind(3, setting.root.bytes)
            statement.bind(4, Int64(setting.priority))
            statement.bind(5, setting.isCached ? 1 : 0)
            try statement.run()
        }
        let forget = try database.prepare("UPDATE origins SET is_forgotten = 1 WHERE id = ?")
        for origin in origins.values where !settings.contains(where: { $0.name == origin.name }) {
            forget.bind(1, origin.id)
            try forget.run()
        }
        try loadOrigins()
        let orderAfter = origins.values.sorted { ($0.priority, $0.name) < ($1.priority, $1.name) }.map(\.id)
        if orderBefore != orderAfter.filter(orderBefore.contains) { try setMeta("placed_up_to", 0) }
        return Dictionary(origins.values.map { ($0.name, $0.id) }) { first, _ in first }
    }

    /// Removes some files of one origin that is no longer configured. Answers false when there was nothing to do.
    func removeForgottenOrigin(limit: Int) throws -> Bool {
        guard let id = try database.integer("SELECT id FROM origins WHERE is_forgotten = 1 LIMIT 1") else {
            return false
        }
        let some = try database.prepare(
            "SELECT r.id FROM folders f JOIN replicas r ON r.folder = f.id WHERE f.origin = ? LIMIT ?")
        some.bind(1, id)
        some.bind(2, Int64(limit))
        var replicas: [Int64] = []
        while try some.step() { replicas.append(some.integer(0)) }
        some.reset()
        for replica in replicas { try remove(replica) }
        if replicas.isEmpty {
            for table in ["folders WHERE origin", "scans WHERE origin", "origins WHERE id"] {
                try database.execute("DELETE FROM \(table) = \(id)")
            }
            origins[id] = nil
            folderCache.removeAll()
        }
        return true
    }

    func noteOrigin(_ id: Int64, device: UInt64?, suspect: String?, scanned: Bool) throws {
        let statement = try database.prepare(
            """
            UPDATE origins SET device = ifnull(?2, device), suspect = ?3,
                last_scan = CASE WHEN ?4 THEN ?5 ELSE last_scan END WHERE id = ?1
            """)
        statement.bind(1, id)
        statement.bind(2, device.map { Int64(bitPattern: $0) })
        statement.bind(3, suspect)
        statement.bind(4, scanned ? 1 : 0)
        statement.bind(5, batch.now)
        try statement.run()
        try loadOrigins()
        if isRebuilding, scanned, origins.values.allSatisfy({ $0.lastScan != nil }) {
            try database.execute("DELETE FROM meta WHERE key = 'rebuilding'")
            isRebuilding = false
        }
    }

    func saveScan(_ scan: ScanRecord) throws {
        let statement = try database.prepare("INSERT OR REPLACE INTO scans VALUES(?,?,?,?,?,?)")
        statement.bind(1, scan.origin)
        statement.bind(2, scan.sequence)
        statement.bind(3, scan.phase.rawValue)
        statement.bind(4, scan.started)
        statement.bind(5, scan.filesSeen)
        statement.bind(6, scan.lastFolder)
        try statement.run()
    }

    func renew(_ version: Int64, stamp: FileStamp) throws {
        guard let current = try database.integer("SELECT node FROM versions WHERE id = \(version)"),
            var node = try node(current), node.version == version, let id = node.replica,
            var row = try replica(id)
        else { return }
        try noteFile(node)
        row.stamp = stamp
        counters.bytes += stamp.size - node.size
        node.version = try makeVersion(node: node.id, replica: row, replacing: version)
        (node.size, node.modified) = (stamp.size, stamp.modified)
        try save(node, isNew: false)
        try entryChanged(node.parent, node.name)
    }

    /// Replicas are placed again in the order of their ids; how far that has come survives a restart.
    func adoptTemplate(limit: Int) throws -> Bool {
        let layout = "\(template.source)\u{0}\(showsCompanions)"
        if try database.text("SELECT value FROM meta WHERE key = 'layout'") != layout {
            let isEmpty = counters.nextReplica == 1
            statements.setMeta.bind(1, "layout")
            statements.setMeta.bind(2, layout)
            try statements.setMeta.run()
            if isEmpty { return false }
            try setMeta("placed_up_to", 0)
        }
        guard let done = try database.integer("SELECT value FROM meta WHERE key = 'placed_up_to'") else { return false }
        let next = try database.prepare(
            "SELECT id, kind, folder, node, audio FROM replicas WHERE id > ? ORDER BY id LIMIT ?")
        next.bind(1, done)
        next.bind(2, Int64(limit))
        var last: Int64?
        while try next.step() {
            let id = next.integer(0)
            last = id
            batch.foldersToCheck.insert(next.integer(2))
            if next.integer(1) == Schema.ReplicaKind.audio.rawValue {
                batch.audioToPlace.insert(id)
                // Another origin may be the preferred one now.
                if let audio = next.optionalBytes(4) { batch.identitiesToCheck.insert(audio) }
                if let node = next.optionalInteger(3) { try touchFamily(ofNode: node) }
            } else {
                batch.companionsToPlace.insert(id)
            }
        }
        next.reset()
        if let last {
            try setMeta("placed_up_to", last)
        } else {
            try database.execute("DELETE FROM meta WHERE key = 'placed_up_to'")
        }
        return last != nil
    }

    /// Forgets some versions that only an earlier connection can have known. Answers false when none is left.
    func clearTombstones(limit: Int) throws -> Bool {
        try database.execute(
            """
            DELETE FROM versions WHERE id IN
                (SELECT version FROM tombstones WHERE connection < \(counters.connection) LIMIT \(limit));
            DELETE FROM tombstones WHERE version IN
                (SELECT version FROM tombstones WHERE connection < \(counters.connection) LIMIT \(limit))
            """)
        return database.changes > 0
    }

    /// Followers of the changes are expected to keep up; who does not starts from the whole.
    func trimChanges() throws {
        try database.execute("DELETE FROM changes WHERE sequence < \(counters.nextChange - 1_000_000)")
    }

    private func setMeta(_ key: String, _ value: Int64) throws {
        statements.setMeta.bind(1, key)
        statements.setMeta.bind(2, value)
        try statements.setMeta.run()
    }
}

extension OriginRecord {
    static func all(_ database: Database) throws(SQLiteError) -> [OriginRecord] {
        let statement = try database.prepare(
            """
            SELECT id, name, type, root, priority, device, suspect, last_scan, audio + companions, audio, is_cached
            FROM origins ORDER BY priority, name
            """)
        var origins: [OriginRecord] = []
        while try statement.step() {
            origins.append(
                OriginRecord(
                    id: statement.integer(0), name: statement.text(1), type: statement.text(2),
                    root: FilePath(bytes: statement.bytes(3)) ?? "/", priority: Int(statement.integer(4)),
                    device: statement.optionalInteger(5).map { UInt64(bitPattern: $0) }, files: statement.integer(8),
                    tracks: statement.integer(9),
                    suspect: statement.optionalText(6), lastScan: statement.optionalInteger(7),
                    isCached: statement.integer(10) != 0))
        }
        return origins
    }
}
