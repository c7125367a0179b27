import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// Where audio files go, and the families of equal names.
extension LibraryWriter {
    /// Works out the place of every audio replica that the batch touched.
    func placeAudio() throws {
        for id in batch.audioToPlace.sorted() {
            guard let row = try batch.rows[id] ?? replica(id), row.node != nil, !row.isSecondary else { continue }
            let (directories, name) = try place(of: row)
            try join(row, directory: ensureDirectory(directories), wanted: name)
        }
        batch.audioToPlace.removeAll()
    }

    private func place(of row: ReplicaRow) throws -> ([[UInt8]], [UInt8]) {
        guard let trackID = row.track, let track = try track(trackID), let report = track.report else {
            return (UnreadablePath.directory.map { Array($0.utf8) }, row.name)
        }
        let multidisc = try track.album.map { try isMultidisc(album: $0) } ?? (track.discs > 1)
        var path = template.path(
            for: TemplateInput(
                tags: report.tags, multidisc: multidisc, fileName: String(decoding: row.name, as: UTF8.self),
                format: Names.fileExtension(row.name))
        ).map { Array($0.utf8) }
        let name = path.popLast() ?? row.name
        return (path, name)
    }

    /// Puts a replica forward for a name. Its node leaves the place that it had, if that is another.
    func join(_ row: ReplicaRow, directory: Int64, wanted: [UInt8]) throws {
        guard let nodeID = row.node else { return }
        let key = FamilyKey(directory: directory, family: Names.family(wanted))
        withdraw(nodeID)
        var newcomer = Newcomer(node: nodeID, replica: row, wanted: wanted, isParked: false)
        if !batch.reservedNodes.contains(nodeID) {
            guard let node = try node(nodeID) else { return }
            if node.parent == directory, node.wantedName == wanted { return try refresh(node, row) }
            try park(node)
            newcomer.isParked = true
        }
        batch.families[key, default: []].append(newcomer)
        batch.candidacies[nodeID] = key
    }

    /// Takes back what a node was put forward for before.
    func withdraw(_ node: Int64) {
        guard let key = batch.candidacies.removeValue(forKey: node) else { return }
        batch.families[key]?.removeAll { $0.node == node }
    }

    /// Gives a node that stays where it is a new version if its content changed.
    private func refresh(_ node: NodeRow, _ row: ReplicaRow) throws {
        guard node.replica != row.id || batch.contentChanged.remove(row.id) != nil else { return }
        try noteFile(node)
        var node = node
        counters.bytes += row.stamp.size - node.size
        node.version = try makeVersion(node: node.id, replica: row, replacing: node.version)
        (node.origin, node.size, node.modified, node.replica) = (
            row.origin, row.stamp.size, row.stamp.modified, row.id
        )
        try save(node, isNew: false)
        try entryChanged(node.parent, node.name)
    }

    /// Takes a node out of its directory, to be given a place in the same batch.
    ///
    /// Its parent is its own negative id, which no directory has, so that the name is free at once.
    func park(_ node: NodeRow) throws {
        guard node.parent > 0 else { return }
        try noteFile(node)
        try leave(node)
        var parked = node
        parked.parent = -node.id
        try save(parked, isNew: false)
    }

    /// What a node's leaving does to its directory and to those who wanted its name.
    private func leave(_ node: NodeRow) throws {
        try entryChanged(node.parent, node.name)
        batch.directories[node.parent, default: DirectoryDelta()].entries -= 1
        let key = FamilyKey(directory: node.parent, family: Names.family(node.name))
        if batch.families[key] == nil { batch.families[key] = [] }
        if let id = node.replica, let row = try replica(id) {
            try touchFollowers(of: row)
        }
    }

    func removeFromTree(_ node: NodeRow) throws {
        try noteFile(node)
        if node.parent > 0 {
            try leave(node)
        } else {
            withdraw(node.id)
        }
        try deleteNode(node.id)
        try bury(node.version)
        counters.files -= 1
        counters.bytes -= node.size
    }

    func touchFamily(ofNode id: Int64) throws {
        guard let node = try node(id), node.parent > 0 else { return }
        let key = FamilyKey(directory: node.parent, family: Names.family(node.wantedName))
        if batch.families[key] == nil { batch.families[key] = [] }
    }

    // MARK: Families

    /// Gives every touched family its names: the first in D19's order keeps the name that it wants, the others are
    /// numbered.
    func settleFamilies() throws {
        // Parking has removed names by now, so the order in which families are settled makes no difference.
        let families = batch.families
        batch.families.removeAll()
        batch.candidacies.removeAll()
        for (key, newcomers) in families { try settle(key, newcomers) }
    }

    private func settle(_ key: FamilyKey, _ newcomers: [Newcomer]) throws {
        let isFresh = batch.freshDirectories.contains(key.directory)
        let mayHaveMembers = !isFresh || batch.freshFamilies.contains(key)
        let present = mayHaveMembers ? try members(of: key) : []
        if isFresh { batch.freshFamilies.insert(key) }
        if present.isEmpty, newcomers.count == 1, let only = newcomers.first {
            return try install(only, directory: key.directory, name: only.wanted)
        }
        let taken = Set(present.lazy.filter(\.isDirectory).map(\.name))
        let files = present.filter { !$0.isDirectory }
        if newcomers.isEmpty, files.allSatisfy({ $0.wanted == nil }) { return }
        try assign(key, files: files, newcomers: newcomers, taken: taken)
    }

    private enum Member {
        case present(NodeRow)
        case newcomer(Newcomer)

        var wanted: [UInt8] {
            switch self {
            case .present(let node): node.wantedName
            case .newcomer(let newcomer): newcomer.wanted
            }
        }
    }

    private func assign(
        _ key: FamilyKey, files: [NodeRow], newcomers: [Newcomer], taken: Set<[UInt8]>
    ) throws {
        var ordered: [(rank: Rank, member: Member)] = []
        for file in files { ordered.append((try rank(file.replica.flatMap { try replica($0) }), .present(file))) }
        for newcomer in newcomers { ordered.append((try rank(newcomer.replica), .newcomer(newcomer))) }
        ordered.sort { $0.rank < $1.rank }
        let names = Names.assign(wanted: ordered.map(\.member.wanted), taken: taken)
        // Names are freed before they are given, since one may go from one member to another.
        var renamed: [(NodeRow, [UInt8])] = []
        for (index, name) in names.enumerated() {
            if case .present(let node) = ordered[index].member, node.name != name {
                try noteFile(node)
                try entryChanged(node.parent, node.name)
                var parked = node
                parked.parent = -node.id
                try save(parked, isNew: false)
                renamed.append((node, name))
            }
        }
        for (node, name) in renamed {
            var node = node
            node.wanted = node.wantedName == name ? nil : node.wantedName
            node.name = name
            try save(node, isNew: false)
            try entryChanged(node.parent, name)
            batch.directories[node.parent, default: DirectoryDelta()].entries += 0
            if let id = node.replica, let row = try replica(id) {
                try touchFollowers(of: row)
                if let track = row.track { try record(.track, track) }
            }
        }
        for (index, name) in names.enumerated() {
            if case .newcomer(let newcomer) = ordered[index].member {
                try install(newcomer, directory: key.directory, name: name)
            }
        }
    }

    /// Entries of the directory that belong to the family, directories with such a name included.
    func members(of key: FamilyKey) throws -> [NodeRow] {
        let family = key.family
        var found: [NodeRow] = []
        if family.count >= Names.familyLimit {
            found = try nodes(
                parent: key.directory, from: family,
                below: family + [UInt8](repeating: 0xff, count: Names.limit - family.count + 1))
        } else {
            if let exact = try node(parent: key.directory, name: family) { found.append(exact) }
            // "stem.…" and "stem (…": the byte behind the prefix is raised by one for the upper bound.
            found += try nodes(
                parent: key.directory, from: family + Array(" (".utf8), below: family + Array(" )".utf8))
            found += try nodes(parent: key.directory, from: family + Array(".".utf8), below: family + Array("/".utf8))
        }
        return found.filter { Names.family($0.wantedName) == family || $0.isDirectory }
    }

    /// Writes a newcomer's node under its final name.
    private func install(_ newcomer: Newcomer, directory: Int64, name: [UInt8]) throws {
        let row = newcomer.replica
        let old = newcomer.isParked ? try node(newcomer.node) : nil
        var node = NodeRow(
            id: newcomer.node, parent: directory, name: name, isDirectory: false, version: old?.version ?? 0,
            origin: row.origin, size: row.stamp.size, modified: row.stamp.modified, links: 1, replica: row.id,
            wanted: newcomer.wanted == name ? nil : newcomer.wanted)
        if old == nil || old?.replica != row.id || batch.contentChanged.contains(row.id) {
            node.version = try makeVersion(node: node.id, replica: row, replacing: node.version)
        }
        batch.contentChanged.remove(row.id)
        try save(node, isNew: old == nil)
        batch.reservedNodes.remove(node.id)
        if old == nil { counters.files += 1 }
        counters.bytes += node.size - (old?.size ?? 0)
        batch.directories[directory, default: DirectoryDelta()].entries += 1
        try entryChanged(directory, name)
        if row.kind == .audio {
            try touchFollowers(of: row)
            if old != nil, let track = row.track { try record(.track, track) }
        }
    }

    /// D19's order: origin priority, origin id, real path.
    struct Rank: Comparable {
        var priority: Int
        var origin: String
        var path: [UInt8]

        static func < (left: Rank, right: Rank) -> Bool {
            if left.priority != right.priority { return left.priority < right.priority }
            if left.origin != right.origin { return left.origin < right.origin }
            return left.path.lexicographicallyPrecedes(right.path)
        }
    }

    func rank(_ row: ReplicaRow?) throws -> Rank {
        guard let row else { return Rank(priority: .max, origin: "", path: []) }
        let origin = origins[row.origin]
        let path = try folder(row.folder).map { joined($0.path, row.name) } ?? row.name
        return Rank(priority: origin?.priority ?? .max, origin: origin?.name ?? "", path: path)
    }
}
