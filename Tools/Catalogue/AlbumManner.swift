/// How the files of one album are named and where they lie.
struct AlbumManner {
    var directory: String
    /// What the names of the album's files begin with where the directory is not the album's own.
    var prefix = ""
    /// "CD" for `CD1`, `CD2` …; empty where the discs share a directory.
    var discDirectories = ""
    /// Whether files of other albums lie in the same directory without a prefix that parts them.
    var isShared = false
    /// Whether names are written with combining marks.
    var decomposes = false
    var fileExtension: String
    private var naming: Naming

    private enum Naming {
        case numberTitle, numberDashTitle, discNumberTitle, numberArtistTitle, artistTitle, title, trackNumber
    }

    /// - Parameter copy: 2 for the second album that would lie in the same place, and so on.
    init(_ album: GeneratedAlbum, _ style: LibraryLayout.Style, copy: Int = 1) {
        let number = copy > 1 ? " (\(copy))" : ""
        let rip = album.isSecondRip ? " [\(album.format.rawValue.uppercased())]" : ""
        let year = album.year.map { " (\($0))" } ?? ""
        let title = pathComponent(album.title, limit: 80)
        let artist = pathComponent(album.artist, limit: 80)
        let own = "\(title)\(year)\(rip)\(number)"
        var random = SeededRandom(album.seed, 0x706c_6163_6500)
        fileExtension = album.format.fileExtension
        directory = "\(artist)/\(own)"
        naming = album.isCompilation ? .numberArtistTitle : .numberTitle
        switch style {
        case .artistAlbum: break
        case .flat:
            directory = ""
            prefix = "\(artist) - \(title)\(rip)\(number) - "
            naming = .discNumberTitle
            return
        case .messy:
            makeMessy(album, artist: artist, title: title, suffix: "\(rip)\(number)", own: own, &random)
        }
        guard album.discs.count > 1, !isShared else { return }
        switch random.below(20) {
        // The tour's multi-disc album shows the usual way.
        case 0..<3 where album.id >= TourStop.tour.count: naming = .discNumberTitle
        case 3..<6 where album.id >= TourStop.tour.count: discDirectories = "Disc "
        default: discDirectories = "CD"
        }
    }

    private mutating func makeMessy(
        _ album: GeneratedAlbum, artist: String, title: String, suffix: String, own: String,
        _ random: inout SeededRandom
    ) {
        switch random.below(7) {
        case 0:
            directory = "\(artist)/\(album.date) - \(title)\(suffix)"
            naming = .numberDashTitle
        case 1:
            directory = "\(artist) - \(own)"
        case 2:
            directory = "\(pathComponent(album.genres[0]))/\(artist)/\(own)"
            naming = .title
        case 3:
            directory = "Downloads"
            naming = .artistTitle
            isShared = true
        case 4:
            directory = "unsorted/" + "\(artist)_\(title)\(suffix)".lowercased().replacing(" ", with: "_")
            naming = .trackNumber
        case 5:
            directory = "Backup/Old Disk/Music/\(artist)/\(own)"
        default: break
        }
        if random.perMille(80) { fileExtension = fileExtension.uppercased() }
        decomposes = random.perMille(80)
    }

    /// The name of the track's file without its extension, not yet made safe.
    func stem(_ track: GeneratedTrack) -> String {
        let number = track.number < 10 ? "0\(track.number)" : String(track.number)
        return switch naming {
        case .numberTitle: "\(prefix)\(number) \(track.title)"
        case .numberDashTitle: "\(prefix)\(number) - \(track.title)"
        case .discNumberTitle: "\(prefix)\(track.disc)-\(number) \(track.title)"
        case .numberArtistTitle: "\(prefix)\(number) - \(track.artist) - \(track.title)"
        case .artistTitle: "\(prefix)\(track.artist) - \(track.title)"
        case .title: "\(prefix)\(track.title)"
        case .trackNumber: track.album.discs.count > 1 ? "track\(track.disc)\(number)" : "track\(number)"
        }
    }
}
