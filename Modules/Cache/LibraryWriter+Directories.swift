import MusicFSCore
import MusicFSSQLite

/// The tree's directories: made when something wants to be in them, gone when they are empty.
extension LibraryWriter {
    /// The node of the directory with these components below the root, made where it is missing.
    func ensureDirectory(_ components: [[UInt8]]) throws -> Int64 {
        var parent: Int64 = 1
        for name in components { parent = try ensureDirectory(name, in: parent) }
        return parent
    }

    func ensureDirectory(_ name: [UInt8], in parent: Int64) throws -> Int64 {
        let key = DirectoryKey(parent: parent, name: name)
        if let known = directoryCache[key] { return known }
        let isFresh = batch.freshDirectories.contains(parent)
        if !isFresh || batch.freshFamilies.contains(FamilyKey(directory: parent, family: Names.family(name))) {
            if let present = try node(parent: parent, name: name) {
                if present.isDirectory {
                    directoryCache[key] = present.id
                    return present.id
                }
                // A directory's name is its own: the file that has it gets another.
                try makeWay(present)
            }
        }
        let id = nextID(\.nextNode)
        try save(
            NodeRow(id: id, parent: parent, name: name, isDirectory: true, modified: batch.now, links: 2), isNew: true)
        counters.directories += 1
        batch.directories[parent, default: DirectoryDelta()].entries += 1
        batch.directories[parent, default: DirectoryDelta()].links += 1
        // It counts as touched itself, so that it goes again if nothing settles in it.
        batch.directories[id, default: DirectoryDelta()].entries += 0
        try entryChanged(parent, name)
        batch.freshDirectories.insert(id)
        if isFresh { batch.freshFamilies.insert(FamilyKey(directory: parent, family: Names.family(name))) }
        directoryCache[key] = id
        return id
    }

    private func makeWay(_ file: NodeRow) throws {
        guard let id = file.replica, let row = try replica(id) else { return }
        let wanted = file.wantedName
        try park(file)
        let key = FamilyKey(directory: file.parent, family: Names.family(wanted))
        batch.families[key, default: []].append(
            Newcomer(node: file.id, replica: row, wanted: wanted, isParked: true))
        batch.candidacies[file.id] = key
    }

    /// Writes the counts and times of the directories that changed, and removes those that are empty.
    func settleDirectories() throws {
        while !batch.directories.isEmpty {
            let deltas = batch.directories
            batch.directories.removeAll()
            // Children first, so that a parent sees all that its children did to it.
            for (id, delta) in deltas.sorted(by: { $0.key > $1.key }) {
                guard var node = try node(id) else { continue }
                node.size += delta.entries
                node.links += delta.links
                node.modified = max(batch.now, node.modified + 1)
                if node.size <= 0, id != 1 {
                    try removeDirectory(node)
                } else {
                    try save(node, isNew: false)
                    if !batch.freshDirectories.contains(id) {
                        batch.result.changes.append(.directory(id))
                        try record(.directory, id)
                    }
                }
            }
        }
    }

    private func removeDirectory(_ node: NodeRow) throws {
        try deleteNode(node.id)
        counters.directories -= 1
        directoryCache[DirectoryKey(parent: node.parent, name: node.name)] = nil
        batch.directories[node.parent, default: DirectoryDelta()].entries -= 1
        batch.directories[node.parent, default: DirectoryDelta()].links -= 1
        try entryChanged(node.parent, node.name)
        // A file that had to make way may have its name now.
        batch.families[FamilyKey(directory: node.parent, family: Names.family(node.name)), default: []] += []
        try settleFamilies()
    }
}
