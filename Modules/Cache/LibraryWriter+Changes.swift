import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// Taking in single differences; where things go is settled at the end of the batch.
extension LibraryWriter {
    func take(_ change: LibraryChange) throws {
        switch change {
        case .audio(let file, let stamp, let content): try takeAudio(file, stamp, content)
        case .companion(let file, let stamp, let identity): try takeCompanion(file, stamp, identity)
        case .moved(let id, let file, let stamp): try move(id, to: file, stamp)
        case .removed(let id): try remove(id)
        }
    }

    private func takeAudio(_ file: OriginFile, _ stamp: FileStamp, _ content: AudioContent) throws {
        let folder = try ensureFolder(origin: file.origin, path: file.folder)
        var report: MediaReport?
        if case .report(let read) = content { report = read }
        var row: ReplicaRow
        let isNew: Bool
        if let known = try replica(folder: folder, name: file.name), known.kind == .audio {
            row = known
            isNew = false
            batch.result.changed += 1
            if row.isSecondary || row.track == nil { try detach(&row) }
            if let audio = row.audio {
                // Those that were equal keep the tags that they had in common.
                if let node = row.node { try releaseSecondaries(of: row, node: node) }
                batch.identitiesToCheck.insert(audio)
            }
        } else {
            row = newReplica(folder: folder, file, kind: .audio, stamp)
            isNew = true
            batch.folderCounts[folder, default: FolderDelta()].audio += 1
        }
        row.stamp = stamp
        if case .postponed = content { row.isPostponed = true } else { row.isPostponed = false }
        (row.head, row.tail, row.audio) = (report?.identity?.head, report?.identity?.tail, report?.identity?.audio)
        let hasTrack = row.track != nil
        let track = row.track ?? nextID(\.nextTrack)
        row.track = track
        if row.node == nil { reserveNode(&row) }
        try save(row, isNew: isNew)
        if !hasTrack { counters.tracks += 1 }
        try saveTrack(track, isNew: !hasTrack, replica: row, report: report)
        try note(content, of: row.id, isNew: isNew)
        if let audio = row.audio { batch.identitiesToCheck.insert(audio) }
        batch.rows[row.id] = row
        batch.contentChanged.insert(row.id)
        batch.audioToPlace.insert(row.id)
        batch.foldersToCheck.insert(folder)
    }

    private func takeCompanion(_ file: OriginFile, _ stamp: FileStamp, _ identity: [UInt8]?) throws {
        let folder = try ensureFolder(origin: file.origin, path: file.folder)
        var row: ReplicaRow
        if let known = try replica(folder: folder, name: file.name), known.kind == .companion {
            row = known
            if try row.isSecondary || (row.head != identity && hasSecondaries(row)) { try detach(&row) }
            row.stamp = stamp
            batch.contentChanged.insert(row.id)
            row.head = identity
            try save(row)
            batch.result.changed += 1
        } else {
            row = newReplica(folder: folder, file, kind: .companion, stamp)
            row.node = nil
            row.head = identity
            try save(row, isNew: true)
            batch.folderCounts[folder, default: FolderDelta()].companions += 1
        }
        batch.companionsToPlace.insert(row.id)
        batch.foldersToCheck.insert(folder)
        try touchNamesakes(of: row)
    }

    private func newReplica(
        folder: Int64, _ file: OriginFile, kind: Schema.ReplicaKind, _ stamp: FileStamp
    ) -> ReplicaRow {
        var row = ReplicaRow(
            id: nextID(\.nextReplica), folder: folder, name: file.name, kind: kind, origin: file.origin, stamp: stamp,
            isSecondary: false)
        batch.result.added += 1
        if kind == .audio { reserveNode(&row) }
        return row
    }

    /// Gives out the id of the node that will show the replica, so that both rows are written once.
    func reserveNode(_ row: inout ReplicaRow) {
        let id = nextID(\.nextNode)
        row.node = id
        batch.reservedNodes.insert(id)
    }

    private func note(_ content: AudioContent, of replica: Int64, isNew: Bool) throws {
        switch content {
        case .unreadable(let reason), .postponed(let reason): try quarantine(replica, reason: reason)
        case .report where !isNew:
            statements.clearQuarantine.bind(1, replica)
            try statements.clearQuarantine.run()
        case .report: break
        }
    }

    func quarantine(_ replica: Int64, reason: String) throws {
        statements.setQuarantine.bind(1, replica)
        statements.setQuarantine.bind(2, reason)
        statements.setQuarantine.bind(3, batch.now)
        try statements.setQuarantine.run()
    }

    private func move(_ id: Int64, to file: OriginFile, _ stamp: FileStamp) throws {
        guard var row = try replica(id) else { return }
        let folder = try ensureFolder(origin: file.origin, path: file.folder)
        // Something else may stand at the new place in the library; what is there now replaces it.
        if let other = try replica(folder: folder, name: file.name), other.id != id { try remove(other.id) }
        let before = row
        let oldFolder = row.folder
        (row.folder, row.name, row.origin, row.stamp) = (folder, file.name, file.origin, stamp)
        try save(row)
        batch.rows[id] = row
        batch.result.changed += 1
        if oldFolder != folder {
            let isAudio = row.kind == .audio
            batch.folderCounts[oldFolder, default: FolderDelta()].audio -= isAudio ? 1 : 0
            batch.folderCounts[oldFolder, default: FolderDelta()].companions -= isAudio ? 0 : 1
            batch.folderCounts[folder, default: FolderDelta()].audio += isAudio ? 1 : 0
            batch.folderCounts[folder, default: FolderDelta()].companions += isAudio ? 0 : 1
        }
        batch.foldersToCheck.formUnion([oldFolder, folder])
        if let audio = row.audio { batch.identitiesToCheck.insert(audio) }
        if row.kind == .audio {
            batch.audioToPlace.insert(id)
            // Its sidecars are known by the stem, old or new.
            try touchSidecars(of: before)
            try touchSidecars(of: row)
        } else {
            batch.companionsToPlace.insert(id)
            try touchNamesakes(of: before)
            try touchNamesakes(of: row)
        }
        // The order among equal names follows the real path (D19).
        if let node = row.node { try touchFamily(ofNode: node) }
    }

    func remove(_ id: Int64) throws {
        guard var row = try replica(id) else { return }
        try detach(&row)
        if row.kind == .audio {
            if let track = row.track {
                try removeTrack(track)
                counters.tracks -= 1
            }
            statements.clearQuarantine.bind(1, id)
            try statements.clearQuarantine.run()
            batch.folderCounts[row.folder, default: FolderDelta()].audio -= 1
            if let audio = row.audio { batch.identitiesToCheck.insert(audio) }
            try touchSidecars(of: row)
        } else {
            batch.folderCounts[row.folder, default: FolderDelta()].companions -= 1
            try touchNamesakes(of: row)
        }
        statements.deleteReplica.bind(1, id)
        try statements.deleteReplica.run()
        batch.rows[id] = nil
        batch.audioToPlace.remove(id)
        batch.companionsToPlace.remove(id)
        batch.foldersToCheck.insert(row.folder)
        batch.result.removed += 1
    }

    private func hasSecondaries(_ row: ReplicaRow) throws -> Bool {
        guard let node = row.node else { return false }
        return try !replicas(statements.secondaries) { $0.bind(1, node) }.isEmpty
    }

    /// Takes a replica off its node. The node goes with it, or to another replica that it had.
    func detach(_ row: inout ReplicaRow) throws {
        defer {
            row.node = nil
            row.isSecondary = false
        }
        guard let nodeID = row.node else { return }
        if row.isSecondary {
            guard row.kind == .audio else { return }
            // It shared the track of the replica that is shown, which has one origin less now.
            row.track = nil
            if let shown = try node(nodeID)?.replica, let track = try replica(shown)?.track {
                try record(.track, track)
            }
            return
        }
        guard let node = try node(nodeID) else {
            withdraw(nodeID)
            batch.reservedNodes.remove(nodeID)
            return
        }
        try releaseSecondaries(of: row, node: nodeID)
        try removeFromTree(node)
    }

    /// Lets go those that are equal to `row` and shown by its node: they are placed anew, and the order among them decides
    /// who is shown.
    func releaseSecondaries(of row: ReplicaRow, node: Int64) throws {
        for var other in try replicas(statements.secondaries, { $0.bind(1, node) }) {
            other.node = nil
            other.isSecondary = false
            if other.kind == .audio {
                try adoptTrack(&other, of: row)
                batch.audioToPlace.insert(other.id)
            } else {
                batch.companionsToPlace.insert(other.id)
            }
            try save(other)
            batch.rows[other.id] = nil
        }
    }

    /// Gives a former secondary a track of its own, with the tags that it shares with `primary`.
    private func adoptTrack(_ row: inout ReplicaRow, of primary: ReplicaRow) throws {
        let report = try primary.track.flatMap { try track($0)?.report }
        let id = nextID(\.nextTrack)
        row.track = id
        counters.tracks += 1
        reserveNode(&row)
        try saveTrack(id, isNew: true, replica: row, report: report)
    }
}
