import MusicFSCore
import MusicFSSQLite

/// One file with several replicas: the same content in several origins (D18).
extension LibraryWriter {
    /// Groups the replicas that share an audio identity with one that the batch touched.
    ///
    /// In each origin they are taken in the order of their paths, and the k-th of each origin make the k-th file. The
    /// first origin's is shown. Of the others, those that are equal in head and tail serve the same file; those with
    /// other tags are kept out of the tree.
    func settleDuplicates() throws {
        for audio in batch.identitiesToCheck.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let rows = try replicas(statements.replicasByAudio) { $0.bind(1, audio) }
            let ranked = try rows.map { (rank: try rank($0), row: $0) }.sorted { $0.rank < $1.rank }
            var positions: [Int64: Int] = [:]
            var files: [[ReplicaRow]] = []
            for (_, row) in ranked {
                let position = positions[row.origin, default: 0]
                positions[row.origin] = position + 1
                if position < files.count { files[position].append(row) } else { files.append([row]) }
            }
            for file in files { try settle(file) }
        }
        batch.identitiesToCheck.removeAll()
    }

    private func settle(_ file: [ReplicaRow]) throws {
        guard let shownBefore = file.first else { return }
        let shown = try show(shownBefore)
        for row in file.dropFirst() {
            let isEqual = row.head == shown.head && row.tail == shown.tail && row.stamp.size == shown.stamp.size
            if isEqual {
                guard !(row.isSecondary && row.node == shown.node) else { continue }
                try attach(row, to: shown)
            } else if row.node != nil {
                try hide(row)
            }
        }
    }

    /// Makes sure that a replica has a node and a track of its own.
    private func show(_ replica: ReplicaRow) throws -> ReplicaRow {
        var row = replica
        guard row.isSecondary || row.node == nil || row.track == nil else { return row }
        let report: MediaReport?
        if let id = row.track {
            report = try self.track(id)?.report
        } else if let node = row.node, let id = try self.node(node)?.replica, let primary = try self.replica(id) {
            report = try primary.track.flatMap { try self.track($0)?.report }
        } else {
            report = nil
        }
        row.isSecondary = false
        let hasTrack = row.track != nil
        let track = row.track ?? nextID(\.nextTrack)
        row.track = track
        reserveNode(&row)
        try save(row)
        if hasTrack {
            try record(.track, track)
        } else {
            counters.tracks += 1
            try saveTrack(track, isNew: true, replica: row, report: report)
        }
        batch.rows[row.id] = row
        batch.audioToPlace.insert(row.id)
        return row
    }

    /// Lets a replica serve the node of an equal one.
    private func attach(_ replica: ReplicaRow, to shown: ReplicaRow) throws {
        var row = replica
        let ownTrack = row.isSecondary ? nil : row.track
        if row.node != nil { try detach(&row) }
        if let ownTrack {
            try removeTrack(ownTrack)
            counters.tracks -= 1
        }
        row.track = nil
        row.node = shown.node
        row.isSecondary = true
        try save(row)
        batch.rows[row.id] = nil
        batch.audioToPlace.remove(row.id)
        try touchFollowers(of: row)
        // It has one more origin.
        if let track = shown.track { try record(.track, track) }
    }

    /// Takes a replica out of the tree: the same audio with other tags, of an origin that is not preferred.
    private func hide(_ replica: ReplicaRow) throws {
        var row = replica
        try detach(&row)
        try save(row)
        batch.rows[row.id] = nil
        batch.audioToPlace.remove(row.id)
        try touchFollowers(of: row)
        if let track = row.track { try record(.track, track) }
    }
}
