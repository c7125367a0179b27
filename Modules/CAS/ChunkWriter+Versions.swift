import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// Whole versions.
extension ChunkWriter {
    /// Forgets all versions, or those of one origin.
    ///
    /// - Returns: the bytes that were freed.
    func clear(origin: String?) throws -> Int64 {
        let before = index.totals.used
        while true {
            let statement = try index.database.prepare(
                "SELECT key FROM manifests WHERE ?1 IS NULL OR origin = ?1 LIMIT 200")
            statement.bind(1, origin)
            var keys: [ContentKey] = []
            while try statement.step() { keys.append(try statement.contentKey(0)) }
            statement.reset()
            if keys.isEmpty { return before - index.totals.used }
            discard(
                try index.transaction {
                    try keys.reduce(into: Freed()) { freed, key in
                        // Or this would not end.
                        guard try index.manifest(key) != nil else { throw SQLiteError.badRow("manifests", "key") }
                        freed += try index.remove(key)
                    }
                })
        }
    }

    /// Gives a new version the audio of an older one (D24): payload chunks lie at the same distance from its start.
    func adopt(_ old: ContentKey, payloadStart: Int64, for new: VersionInfo) throws -> [Manifest.Entry] {
        guard let from = try index.manifest(old), let payload = new.payload else { return [] }
        guard payloadStart >= 0, payload.lowerBound >= 0 else { return [] }
        var adopted: [Manifest.Entry] = []
        for var entry in try index.entries(ofManifest: from.id) {
            let distance = entry.offset - payloadStart
            guard distance >= 0, distance <= payload.upperBound - payload.lowerBound - Int64(entry.length) else {
                continue
            }
            entry.offset = payload.lowerBound + distance
            guard try index.chunk(of: new.key, at: entry.offset) == nil else { continue }
            adopted.append(entry)
        }
        return try share(adopted, with: new)
    }

    /// Forgets a version, which may not be what it is said to be: its trailers are struck out before the index forgets it,
    /// so that it does not come back.
    func remove(_ key: ContentKey) throws {
        let freed = try index.transaction { () throws -> Freed in
            guard let manifest = try index.manifest(key) else { return Freed() }
            let packs = Set(try index.entries(ofManifest: manifest.id).map(\.place.pack))
            let freed = try index.remove(key)
            let unused = Set(freed.chunks)
            for pack in packs {
                let isUnused = freed.packs.contains(pack)
                strike(in: pack) { trailer in
                    isUnused || trailer.info.key == key
                        || unused.contains(ChunkPlace(pack: pack, position: trailer.position))
                }
            }
            return freed
        }
        for pack in freed.packs { store.files.remove(pack) }
    }
}
