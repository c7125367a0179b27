import MusicFSCore
import MusicFSSQLite

/// Covers, lyrics, cue sheets and booklets follow their album (D21).
extension LibraryWriter {
    /// Works out again where the companions of every touched folder go, and places those that must move.
    func settleCompanions() throws {
        guard showsCompanions else { return }
        var checked: Set<Int64> = []
        // A folder's place can decide that of the folders around it, so it goes on until nothing is left to check.
        while let id = batch.foldersToCheck.popFirst() {
            guard checked.insert(id).inserted, let folder = try folder(id) else { continue }
            for relative in try dependents(of: folder) where !checked.contains(relative) {
                batch.foldersToCheck.insert(relative)
            }
            if folder.companions > 0 { try checkTarget(of: folder) }
        }
        let rows = try batch.companionsToPlace.compactMap { try replica($0) }.filter { $0.kind == .companion }
        batch.companionsToPlace.removeAll()
        // Placing one can set free others that were shown by it.
        var waiting = rows
        while !waiting.isEmpty {
            let ranked = try waiting.map { (rank: try rank($0), id: $0.id) }.sorted { $0.rank < $1.rank }
            for (_, id) in ranked {
                if let row = try replica(id) { try placeCompanion(row) }
            }
            waiting = try batch.companionsToPlace.compactMap { try replica($0) }.filter { $0.kind == .companion }
            batch.companionsToPlace.removeAll()
        }
    }

    /// Where the folder's companions go now; if that is elsewhere than before, all of them move.
    private func checkTarget(of folder: Folder) throws {
        let target = try targetDirectory(of: folder)
        guard target != folder.target else { return }
        statements.setFolderTarget.bind(1, folder.id)
        statements.setFolderTarget.bind(2, target)
        try statements.setFolderTarget.run()
        for companion in try replicas(statements.companionsOfFolder, { $0.bind(1, folder.id) }) {
            batch.companionsToPlace.insert(companion.id)
        }
    }

    private func targetDirectory(of folder: Folder) throws -> Int64? {
        guard let target = try target(of: folder) else { return nil }
        return try target.below.reduce(target.node) { try ensureDirectory($1, in: $0) }
    }

    /// Folders whose companions may go elsewhere because of this one: those above that have no audio, and those below
    /// them that hold pictures only.
    private func dependents(of folder: Folder) throws -> [Int64] {
        var result: [Int64] = []
        // Where an album lies above, folders beside this one may hold its pictures, or do so no longer.
        var base = isDisc(folder.path) ? parentPath(folder.path) ?? [] : folder.path
        var path = folder.path
        while let parent = parentPath(path) {
            let above = try folderOrEmpty(origin: folder.origin, path: parent)
            if above.audio > 0 {
                base = path
                break
            }
            if above.companions > 0 { result.append(above.id) }
            path = parent
        }
        let below = statements.picturesBelow
        defer { below.reset() }
        bindSubtree(below, origin: folder.origin, path: base)
        while try below.step() { result.append(below.integer(0)) }
        return result
    }

    /// The folder's row, or one without files where the library knows no file directly in it.
    private func folderOrEmpty(origin: Int64, path: [UInt8]) throws -> Folder {
        if let id = try folderID(origin: origin, path: path), let folder = try folder(id) { return folder }
        return Folder(id: 0, origin: origin, path: path, audio: 0, companions: 0, target: nil)
    }

    /// Binds origin and the range of paths below `path`: "path/" up to the byte behind the slash.
    private func bindSubtree(_ statement: Statement, origin: Int64, path: [UInt8]) {
        statement.bind(1, origin)
        statement.bind(2, path.isEmpty ? [1] : path + [UInt8(ascii: "/")])
        statement.bind(3, path.isEmpty ? [0xff] : path + [UInt8(ascii: "/") + 1])
    }

    private func placeCompanion(_ row: ReplicaRow) throws {
        var row = row
        guard let place = try companionPlace(row) else {
            if row.node != nil {
                try detach(&row)
                try save(row)
            }
            return
        }
        if row.isSecondary {
            // Whether it is still equal to the one that is shown is asked again.
            row.node = nil
            row.isSecondary = false
        }
        if var twin = try equalCompanion(row, directory: place.directory, wanted: place.name) {
            if row.node != nil { try detach(&row) }
            if try rank(twin) < rank(row) {
                row.node = twin.node
                row.isSecondary = true
                return try save(row)
            }
            row.node = twin.node
            twin.isSecondary = true
            try save(twin)
            // Whose replica is shown decides its place among equal names.
            if let node = twin.node { try touchFamily(ofNode: node) }
        }
        if let id = row.node, let node = try node(id), node.parent != place.directory || node.wantedName != place.name {
            try releaseSecondaries(of: row, node: id)
        }
        if row.node == nil { reserveNode(&row) }
        try save(row)
        try join(row, directory: place.directory, wanted: place.name)
    }

    /// The directory and the name that a companion wants; nil where it belongs to no album.
    private func companionPlace(_ row: ReplicaRow) throws -> (directory: Int64, name: [UInt8])? {
        guard let folder = try folder(row.folder) else { return nil }
        if folder.audio > 0, let track = try sidecarTrack(row), let id = track.node, let node = try node(id) {
            let stem = Names.split(node.name).stem
            return (node.parent, Array(stem) + Array(row.name[Names.split(row.name).stem.endIndex...]))
        }
        guard let directory = try targetDirectory(of: folder) else { return nil }
        guard isDisc(folder.path), folder.audio > 0, try hasNamesake(row, folder: folder) else {
            return (directory, row.name)
        }
        return (directory, Names.truncated(lastComponent(folder.path) + Array(" - ".utf8) + row.name))
    }

    /// Where a folder's companions go: an album's directory, and the folders to repeat below it.
    private func target(of folder: Folder) throws -> (node: Int64, below: [[UInt8]])? {
        var below: [[UInt8]] = []
        var current: Folder? = folder
        while let here = current {
            if here.audio > 0 { return try album(ofFolder: here).map { ($0, below.reversed()) } }
            if below.isEmpty, let album = try albumOfDiscs(below: here) { return (album, []) }
            // A folder with audio somewhere below it is no album's picture folder.
            if try hasAudioBelow(here) { return nil }
            guard let parent = parentPath(here.path) else { return nil }
            below.append(lastComponent(here.path))
            current = try folderOrEmpty(origin: here.origin, path: parent)
        }
        return nil
    }

    /// The directory that most of a folder's tracks are in; of equals the first by name.
    private func album(ofFolder folder: Folder) throws -> Int64? {
        try mostFrequent(statements.directoriesOfFolder) { $0.bind(1, folder.id) }
    }

    /// An album that lies in `CD1`, `CD2` … below this folder.
    private func albumOfDiscs(below folder: Folder) throws -> Int64? {
        let statement = statements.foldersBelow
        bindSubtree(statement, origin: folder.origin, path: folder.path)
        var discs: [Int64] = []
        while try statement.step() {
            let path = statement.bytes(1)
            if statement.integer(2) > 0, isDisc(path), parentPath(path) == folder.path {
                discs.append(statement.integer(0))
            }
        }
        statement.reset()
        var votes: [Int64: Int] = [:]
        for disc in discs {
            let counts = statements.directoriesOfFolder
            defer { counts.reset() }
            counts.bind(1, disc)
            while try counts.step() { votes[counts.integer(0), default: 0] += Int(counts.integer(1)) }
        }
        return try winner(votes)
    }

    private func mostFrequent(_ statement: Statement, _ bind: (Statement) -> Void) throws -> Int64? {
        var votes: [Int64: Int] = [:]
        defer { statement.reset() }
        bind(statement)
        while try statement.step() { votes[statement.integer(0)] = Int(statement.integer(1)) }
        return try winner(votes)
    }

    private func winner(_ votes: [Int64: Int]) throws -> Int64? {
        guard let most = votes.values.max() else { return nil }
        let best = votes.filter { $0.value == most && $0.key > 0 }.map(\.key)
        if best.count <= 1 { return best.first }
        return try best.map { ($0, try pathOfNode($0)) }.min { $0.1.lexicographicallyPrecedes($1.1) }?.0
    }

    private func pathOfNode(_ id: Int64) throws -> [UInt8] {
        var components: [[UInt8]] = []
        var current = try node(id)
        while let node = current, node.id != 1 {
            components.append(node.name)
            current = try self.node(node.parent)
        }
        return Array(components.reversed().joined(separator: [UInt8(ascii: "/")]))
    }

    private func hasAudioBelow(_ folder: Folder) throws -> Bool {
        let statement = statements.audioBelow
        defer { statement.reset() }
        bindSubtree(statement, origin: folder.origin, path: folder.path)
        return try statement.step()
    }

    // MARK: Sidecars

    /// The track that a companion is named after: the first by name with the same stem in the same folder.
    private func sidecarTrack(_ row: ReplicaRow) throws -> ReplicaRow? {
        let stem = Array(Names.split(row.name).stem)
        return try namedLike(stem, folder: row.folder, kind: .audio).filter { $0.node != nil }
            .min { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Notes what follows a track that got another place or name: its folder's companions, its sidecars, and those of
    /// the replicas that it is shown for.
    func touchFollowers(of row: ReplicaRow) throws {
        batch.foldersToCheck.insert(row.folder)
        guard row.kind == .audio else { return }
        try touchSidecars(of: row)
        guard row.audio != nil, let node = row.node else { return }
        for secondary in try replicas(statements.secondaries, { $0.bind(1, node) }) {
            batch.foldersToCheck.insert(secondary.folder)
            try touchSidecars(of: secondary)
        }
    }

    /// Notes that companions which are named after this track may have to move with it.
    func touchSidecars(of row: ReplicaRow) throws {
        guard let folder = try folder(row.folder), folder.companions > 0 else { return }
        for companion in try namedLike(Array(Names.split(row.name).stem), folder: row.folder, kind: .companion) {
            batch.companionsToPlace.insert(companion.id)
        }
    }

    private func namedLike(_ stem: [UInt8], folder: Int64, kind: Schema.ReplicaKind) throws -> [ReplicaRow] {
        try replicas(statements.replicasInRange) {
            $0.bind(1, folder)
            $0.bind(2, stem + [UInt8(ascii: ".")])
            $0.bind(3, stem + [UInt8(ascii: ".") + 1])
        }.filter { $0.kind == kind && Array(Names.split($0.name).stem) == stem }
    }

    // MARK: Namesakes

    /// The companion that is shown, or about to be, under this name, if it is equal.
    private func equalCompanion(_ row: ReplicaRow, directory: Int64, wanted: [UInt8]) throws -> ReplicaRow? {
        func isEqual(_ other: ReplicaRow) -> Bool {
            other.id != row.id && other.kind == .companion && other.head == row.head
                && other.stamp.size == row.stamp.size && !other.isSecondary
        }
        guard row.head != nil else { return nil }
        let key = FamilyKey(directory: directory, family: Names.family(wanted))
        if let pending = batch.families[key]?.first(where: { $0.wanted == wanted && isEqual($0.replica) }) {
            return pending.replica
        }
        for member in try members(of: key) where member.wantedName == wanted && !member.isDirectory {
            if let id = member.replica, let other = try replica(id), isEqual(other) { return other }
        }
        return nil
    }

    /// Whether another disc of the same album has a companion of this name that is not equal.
    private func hasNamesake(_ row: ReplicaRow, folder: Folder) throws -> Bool {
        try namesakes(of: row, folder: folder).contains { $0.head == nil || $0.head != row.head }
    }

    /// Companions of the same name on the album's other discs.
    private func namesakes(of row: ReplicaRow, folder: Folder) throws -> [ReplicaRow] {
        guard isDisc(folder.path), let parent = parentPath(folder.path) else { return [] }
        var siblings: [Int64] = []
        let below = statements.foldersBelow
        bindSubtree(below, origin: folder.origin, path: parent)
        while try below.step() {
            let path = below.bytes(1)
            if path != folder.path, isDisc(path), parentPath(path) == parent { siblings.append(below.integer(0)) }
        }
        below.reset()
        return try siblings.compactMap { try replica(folder: $0, name: row.name) }.filter { $0.kind == .companion }
    }

    /// Notes that the other discs' companions of this name may need a prefix, or need it no longer.
    func touchNamesakes(of row: ReplicaRow) throws {
        guard let folder = try folder(row.folder) else { return }
        for other in try namesakes(of: row, folder: folder) { batch.companionsToPlace.insert(other.id) }
    }

    // MARK: Paths

    private func parentPath(_ path: [UInt8]) -> [UInt8]? { path.isEmpty ? nil : divided(path).folder }
    private func lastComponent(_ path: [UInt8]) -> [UInt8] { divided(path).name }

    /// `CD1`, `disc 2`, `Disk-03`.
    private func isDisc(_ path: [UInt8]) -> Bool { DiscFolder.matches(lastComponent(path)) }
}

/// The names that people give to the folders of an album's discs.
package enum DiscFolder {
    /// Whether the name is `cd`, `disc` or `disk`, perhaps a space, `-`, `_` or `.`, and a number.
    package static func matches(_ name: [UInt8]) -> Bool {
        let lower = name.map { $0 >= 0x41 && $0 <= 0x5a ? $0 + 0x20 : $0 }
        for prefix in ["cd", "disc", "disk"] where lower.starts(with: prefix.utf8) {
            var rest = lower.dropFirst(prefix.utf8.count)
            if let first = rest.first, " -_.".utf8.contains(first) { rest = rest.dropFirst() }
            if !rest.isEmpty, rest.count <= 3, rest.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) { return true }
        }
        return false
    }
}
