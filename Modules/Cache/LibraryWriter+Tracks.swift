import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// What placing needs to know of a track.
struct TrackRow {
    var id: Int64
    var album: Int64?
    /// nil when no tags could be read.
    var report: MediaReport?

    var discs: Int {
        guard let tags = report?.tags else { return 0 }
        return max(tags.number(.disc) ?? 0, tags.number(.discTotal) ?? 0)
    }
}

/// Tracks and albums.
extension LibraryWriter {
    func track(_ id: Int64) throws -> TrackRow? {
        if let known = batch.tracks[id] { return known }
        let statement = statements.trackByID
        defer { statement.reset() }
        statement.bind(1, id)
        guard try statement.step() else { return nil }
        var report: MediaReport?
        if statement.integer(1) != 0 {
            var reader = ByteReader(statement.bytes(2))
            report = try MediaReport(decoding: &reader)
        }
        return TrackRow(id: id, album: statement.optionalInteger(0), report: report)
    }

    /// Writes the track of `replica`, new or again, and notes what of its album that may change.
    func saveTrack(_ id: Int64, isNew: Bool, replica: ReplicaRow, report: MediaReport?) throws {
        let old = isNew ? nil : try track(id)
        var row = TrackRow(id: id, album: nil, report: report)
        if let tags = report?.tags, let title = tags.first(.album) {
            row.album = try ensureAlbum(artist: albumArtist(tags), title: title)
        }
        try write(row, isNew: isNew, replica: replica)
        if let old, let album = old.album, album != row.album || old.discs != row.discs {
            batch.albumsToCheck.insert(album)
        }
        if let album = row.album, row.discs > 1, try !isMultidisc(album: album) { batch.albumsToCheck.insert(album) }
        batch.tracks[id] = row
        try record(.track, id)
    }

    private func write(_ row: TrackRow, isNew: Bool, replica: ReplicaRow) throws {
        let tags = row.report?.tags ?? Tags()
        let statement = isNew ? statements.insertTrack : statements.updateTrack
        statement.bind(1, row.id)
        statement.bind(2, row.album)
        statement.bind(3, row.report == nil ? 0 : 1)
        statement.bind(4, tags.first(.title))
        statement.bind(5, tags.first(.artist))
        statement.bind(6, tags.first(.album))
        statement.bind(7, tags.first(.albumArtist))
        statement.bind(8, tags.first(.genre))
        statement.bind(9, tags.first(.composer))
        statement.bind(10, tags.year.map(Int64.init))
        statement.bind(11, tags.number(.track).map(Int64.init))
        statement.bind(12, tags.number(.disc).map(Int64.init))
        statement.bind(13, tags.number(.discTotal).map(Int64.init))
        statement.bind(14, row.report?.properties?.durationMilliseconds)
        statement.bind(15, Names.fileExtension(replica.name))
        if let report = row.report {
            var writer = ByteWriter(reserving: 512)
            report.encode(into: &writer)
            statement.bind(16, writer.bytes)
        } else {
            statement.bind(16, nil as [UInt8]?)
        }
        statement.bind(17, replica.id)
        if isNew { statement.bind(18, batch.now) }
        try statement.run()
    }

    func removeTrack(_ id: Int64) throws {
        if let album = try track(id)?.album { batch.albumsToCheck.insert(album) }
        statements.deleteTrack.bind(1, id)
        try statements.deleteTrack.run()
        batch.tracks[id] = nil
        try record(.trackRemoved, id)
    }

    /// The artist that an album is filed under, as D1 defines `$albumartist`.
    private func albumArtist(_ tags: Tags) -> String {
        tags.first(.albumArtist) ?? (tags.isCompilation ? "Various Artists" : tags.first(.artist) ?? "")
    }

    private func ensureAlbum(artist: String, title: String) throws -> Int64 {
        let key = AlbumKey(artist: artist, title: title)
        if let known = albumCache[key] { return known }
        let statement = statements.albumByName
        defer { statement.reset() }
        statement.bind(1, artist)
        statement.bind(2, title)
        if try statement.step() {
            albumCache[key] = statement.integer(0)
            return statement.integer(0)
        }
        let id = nextID(\.nextAlbum)
        let insert = statements.insertAlbum
        insert.bind(1, id)
        insert.bind(2, artist)
        insert.bind(3, title)
        insert.bind(4, 0)
        try insert.run()
        albumCache[key] = id
        multidiscCache[id] = false
        return id
    }

    func isMultidisc(album: Int64) throws -> Bool {
        if let known = multidiscCache[album] { return known }
        let statement = statements.albumByID
        defer { statement.reset() }
        statement.bind(1, album)
        let result = try statement.step() && statement.integer(0) != 0
        multidiscCache[album] = result
        return result
    }

    /// Works out again which of the touched albums have several discs; where that changed, all their tracks move.
    func settleAlbums() throws {
        for album in batch.albumsToCheck.sorted() {
            statements.albumDiscs.bind(1, album)
            _ = try statements.albumDiscs.step()
            let now = statements.albumDiscs.integer(0) > 1
            statements.albumDiscs.reset()
            guard try isMultidisc(album: album) != now else { continue }
            statements.setAlbum.bind(1, album)
            statements.setAlbum.bind(2, now ? 1 : 0)
            try statements.setAlbum.run()
            multidiscCache[album] = now
            if template.usesMultidisc {
                let statement = statements.replicasOfAlbum
                defer { statement.reset() }
                statement.bind(1, album)
                while try statement.step() { batch.audioToPlace.insert(statement.integer(0)) }
            }
        }
        batch.albumsToCheck.removeAll()
    }
}
