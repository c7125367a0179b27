import MusicFSCatalogue
import MusicFSCore
import MusicFSSystem

/// Writes the files of a library below a directory that exists.
struct LibraryWriter: Sendable {
    let root: FilePath
    let catalogue: Catalogue
    let style: LibraryLayout.Style
    let payloads: Payloads
    let progress: Progress

    /// Writes those albums whose number leaves `share` when divided by `shares`, so that several tasks part the work
    /// without speaking to each other: each goes through the whole catalogue, which costs little.
    ///
    /// - Parameter manifest: gets a line for every file, whoever writes it.
    func write(share: Int, of shares: Int, manifest: inout Manifest?) throws(GeneratorError) {
        var layout = LibraryLayout(style)
        var album: [PlacedTrack] = []
        for track in catalogue {
            if let last = album.last, last.track.album !== track.album {
                try finish(album, writes: last.track.album.id % shares == share, manifest: &manifest)
                album.removeAll(keepingCapacity: true)
                if Task.isCancelled { return }
            }
            album.append(PlacedTrack(track: track, place: layout.place(track)))
        }
        if let last = album.last {
            try finish(album, writes: last.track.album.id % shares == share, manifest: &manifest)
        }
    }

    private func finish(_ tracks: [PlacedTrack], writes: Bool, manifest: inout Manifest?) throws(GeneratorError) {
        guard let album = tracks.first?.track.album, writes || manifest != nil else { return }
        let companions = companions(tracks, payloads)
        if writes {
            var directory: String?
            for placed in tracks {
                try write(
                    Array(placed.place.path.utf8), tagged(placed.track), isAudio: true,
                    inNewDirectory: placed.place.directory != directory)
                directory = placed.place.directory
            }
            for companion in companions {
                try write(Array(companion.path.utf8), companion.bytes, isAudio: false, inNewDirectory: true)
            }
        }
        if manifest == nil { return }
        for placed in tracks {
            try manifest?.add(
                path: Array(placed.place.path.utf8), kind: "track", album: album.id, format: album.format,
                tags: placed.track.tags, isCopy: placed.track.isCopy, hasCover: album.embedsCover)
        }
        for companion in companions {
            try manifest?.add(path: Array(companion.path.utf8), kind: companion.kind.rawValue, album: album.id)
        }
    }

    /// Writes the evil files.
    func writeEvil(_ formats: [AudioFormat], manifest: inout Manifest?) throws(GeneratorError) {
        for file in evilFiles(formats, payloads) {
            switch file.content {
            case .audio(let tags):
                let audio = payloads.audio(file.format, seed: UInt64(file.path.count))
                let bytes = try taggedFile(audio, file.format, tags, cover: nil, usesOldID3: false)
                try write(file.path, bytes, isAudio: true, inNewDirectory: true)
                try manifest?.add(
                    path: file.path, kind: file.isHidden ? "hidden" : "track", format: file.format, tags: tags)
            case .bytes(let bytes):
                try write(file.path, bytes, isAudio: true, inNewDirectory: true)
                try manifest?.add(path: file.path, kind: "broken", format: file.format)
            }
        }
    }

    private func tagged(_ track: GeneratedTrack) throws(GeneratorError) -> [UInt8] {
        let album = track.album
        var cover: Cover?
        if album.embedsCover {
            // Every eighth album has a PNG picture.
            cover =
                album.seed % 8 == 0
                ? Cover(mimeType: "image/png", bytes: payloads.pngCover)
                : Cover(mimeType: "image/jpeg", bytes: payloads.cover(seed: album.seed, note: "album \(album.seed)"))
        }
        let audio = payloads.audio(album.format, seed: track.seed)
        return try taggedFile(audio, album.format, track.tags, cover: cover, usesOldID3: album.seed % 4 == 1)
    }

    private func write(
        _ path: [UInt8], _ bytes: [UInt8], isAudio: Bool, inNewDirectory: Bool
    ) throws(GeneratorError) {
        let path = root.appending(path)
        do {
            if inNewDirectory { try createDirectories(path.parent) }
            let file = try open(path, [.write, .create, .exclusive], mode: 0o644)
            try writeFully(file.raw, bytes)
            try file.close()
        } catch {
            throw GeneratorError(error)
        }
        progress.count(bytes: bytes.count, isAudio: isAudio)
    }
}
