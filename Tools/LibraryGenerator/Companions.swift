import MusicFSCatalogue

/// A file beside the audio of an album.
struct Companion: Sendable {
    enum Kind: String, Sendable { case cover, scan, cue, log, lyrics }

    var kind: Kind
    /// Relative to the library's root.
    var path: String
    var bytes: [UInt8]
}

/// A track and where its file goes.
struct PlacedTrack: Sendable {
    var track: GeneratedTrack
    var place: LibraryLayout.Place
}

/// What lies beside the tracks of one album, which `tracks` are all of.
///
/// An album without a directory of its own has only what is named after its tracks.
func companions(_ tracks: [PlacedTrack], _ payloads: Payloads) -> [Companion] {
    guard let first = tracks.first else { return [] }
    let album = first.track.album
    var result: [Companion] = []
    func add(_ kind: Companion.Kind, _ directory: String, _ name: String, _ bytes: [UInt8]) {
        result.append(Companion(kind: kind, path: LibraryLayout.join(directory, name), bytes: bytes))
    }
    if album.companions.contains(.lyrics) {
        for placed in tracks where !placed.track.isCopy {
            add(.lyrics, placed.place.directory, "\(placed.place.stem).lrc", lyrics(placed.track))
        }
    }
    guard let directory = first.place.albumDirectory else { return result }
    let cover = payloads.cover(seed: album.seed, note: "album \(album.id)")
    if album.companions.contains(.cover) { add(.cover, directory, "cover.jpg", cover) }
    if album.companions.contains(.scans) {
        for (number, name) in ["front", "back", "booklet-01", "booklet-02"].enumerated() {
            let note = "album \(album.id) \(name)"
            let scan = payloads.cover(seed: album.seed &+ UInt64(number), note: note)
            add(.scan, LibraryLayout.join(directory, "Scans"), "\(name).jpg", scan)
        }
    }
    var discs: [(directory: String, tracks: [PlacedTrack])] = []
    for placed in tracks {
        if discs.last?.directory != placed.place.directory { discs.append((placed.place.directory, [])) }
        discs[discs.count - 1].tracks.append(placed)
    }
    for (number, disc) in discs.enumerated() {
        if album.companions.contains(.discCovers), disc.directory != directory {
            let note = "album \(album.id) disc \(number + 1)"
            add(.cover, disc.directory, "cover.jpg", payloads.cover(seed: album.seed &+ UInt64(number), note: note))
        }
        let name = pathComponent(album.title, limit: 80)
        if album.companions.contains(.cueSheet) { add(.cue, disc.directory, "\(name).cue", cueSheet(disc.tracks)) }
        if album.companions.contains(.ripLog) { add(.log, disc.directory, "\(name).log", ripLog(disc.tracks)) }
    }
    return result
}

/// Lyrics with time stamps: the lines are made of the title's words.
private func lyrics(_ track: GeneratedTrack) -> [UInt8] {
    var text = "[ar:\(track.artist)]\n[ti:\(track.title)]\n"
    for line in 0..<8 {
        text += "[00:\(twoDigits(line * 7)).00]"
        text += String(repeating: track.title + " ", count: line % 3 + 1) + "\n"
    }
    return Array(text.utf8)
}

/// A cue sheet that names one file for each track.
private func cueSheet(_ tracks: [PlacedTrack]) -> [UInt8] {
    guard let album = tracks.first?.track.album else { return [] }
    var text = "REM DATE \(album.date)\nPERFORMER \"\(quotable(album.artist))\"\nTITLE \"\(quotable(album.title))\"\n"
    for placed in tracks where !placed.track.isCopy {
        text += "FILE \"\(placed.place.stem).\(placed.place.fileExtension)\" WAVE\n"
        text += "  TRACK \(twoDigits(placed.track.number)) AUDIO\n"
        text += "    TITLE \"\(quotable(placed.track.title))\"\n"
        text += "    PERFORMER \"\(quotable(placed.track.artist))\"\n    INDEX 01 00:00:00\n"
    }
    return Array(text.utf8)
}

private func ripLog(_ tracks: [PlacedTrack]) -> [UInt8] {
    guard let album = tracks.first?.track.album else { return [] }
    var text = "Extraction log\n\n\(album.artist) / \(album.title)\n\n"
    for placed in tracks where !placed.track.isCopy {
        let checksum = String(UInt32(truncatingIfNeeded: placed.track.seed), radix: 16, uppercase: true)
        text += "Track \(twoDigits(placed.track.number))\n     Copy CRC \(checksum)\n     Copy OK\n\n"
    }
    text += "No errors occurred\n"
    return Array(text.utf8)
}

/// Cue sheets have no way to write a quotation mark inside a string.
private func quotable(_ text: String) -> String { text.replacing("\"", with: "'") }

private func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
