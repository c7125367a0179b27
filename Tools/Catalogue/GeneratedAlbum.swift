/// What the tracks of one album of the catalogue share.
package final class GeneratedAlbum: Sendable {
    /// Ascending within one catalogue, from 0.
    package let id: Int
    /// The same for all albums of one artist; nil for a compilation.
    package let artistID: Int?
    /// "Various Artists" for a compilation.
    package let artist: String
    package let title: String
    /// "2004" or, for some albums, "2004-03-17".
    package let date: String
    package let genres: [String]
    package let label: String?
    package let script: Script
    /// The number of tracks of each disc; never empty.
    package let discs: [Int]
    package let isCompilation: Bool
    package let format: AudioFormat
    /// Whether this is another rip, in another format, of the album before it.
    package let isSecondRip: Bool
    /// Whether the first track lies there twice, equal byte for byte.
    package let repeatsFirstTrack: Bool
    package let embedsCover: Bool
    package let companions: Companions
    package let missing: MissingTags
    /// Whether tracks carry MusicBrainz identifiers and ReplayGain values.
    package let isTaggedInDepth: Bool
    /// For further choices that depend on the album alone; a second rip has that of the first.
    package let seed: UInt64

    /// What lies beside the tracks of an album.
    package struct Companions: OptionSet, Hashable, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// `cover.jpg` in the album's directory.
        package static let cover = Companions(rawValue: 1)
        /// `cover.jpg` in each disc's directory as well.
        package static let discCovers = Companions(rawValue: 2)
        /// A `Scans` directory with pictures of the booklet.
        package static let scans = Companions(rawValue: 4)
        /// A cue sheet for each directory of tracks.
        package static let cueSheet = Companions(rawValue: 8)
        /// The log of a ripping program.
        package static let ripLog = Companions(rawValue: 16)
        /// A `.lrc` file beside each track.
        package static let lyrics = Companions(rawValue: 32)
    }

    /// Tags that the tracks of an album lack although the catalogue knows their values.
    package struct MissingTags: OptionSet, Hashable, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let title = MissingTags(rawValue: 1)
        package static let artist = MissingTags(rawValue: 2)
        package static let album = MissingTags(rawValue: 4)
        package static let albumArtist = MissingTags(rawValue: 8)
        package static let date = MissingTags(rawValue: 16)
        package static let genre = MissingTags(rawValue: 32)
        package static let numbers = MissingTags(rawValue: 64)
        package static let all = MissingTags(rawValue: 127)
    }

    package var year: Int? { Int(date.prefix(4)) }

    /// - Parameter stop: what is settled in advance; what it leaves open is drawn.
    init(id: Int, artist: CatalogueSource.Artist, source: CatalogueSource, stop: TourStop?) {
        var random = SeededRandom(source.seed, 0x616c_6275_6d00, UInt64(id))
        self.id = id
        seed = random.next()
        script = artist.script
        isCompilation = stop?.isCompilation ?? random.perMille(40)
        self.artist = isCompilation ? "Various Artists" : artist.name
        artistID = isCompilation ? nil : artist.id
        format = stop.map { source.formats[$0.formatIndex % source.formats.count] } ?? source.format(&random)
        discs = stop?.discs ?? source.discs(&random)
        missing = stop?.missing ?? GeneratedAlbum.missing(&random)
        companions = stop?.companions ?? GeneratedAlbum.companions(discs: discs.count, &random)
        repeatsFirstTrack = stop?.repeatsFirstTrack ?? random.perMille(80)
        isSecondRip = false
        embedsCover = stop != nil || random.perMille(400)
        isTaggedInDepth = random.perMille(450)
        title = source.albumTitle(script, isCompilation: isCompilation, &random)
        date = source.date(&random)
        genres = source.genres(&random)
        label = random.perMille(350) ? source.vocabulary.rareWord(.latin, &random) + " Records" : nil
    }

    /// A second rip of `original`.
    init(secondRipOf original: GeneratedAlbum, id: Int, format: AudioFormat) {
        self.id = id
        self.format = format
        isSecondRip = true
        artistID = original.artistID
        artist = original.artist
        title = original.title
        date = original.date
        genres = original.genres
        label = original.label
        script = original.script
        discs = original.discs
        isCompilation = original.isCompilation
        repeatsFirstTrack = false
        embedsCover = original.embedsCover
        companions = original.companions.intersection(.cover)
        missing = original.missing
        isTaggedInDepth = original.isTaggedInDepth
        seed = original.seed
    }

    private static func missing(_ random: inout SeededRandom) -> MissingTags {
        guard random.perMille(120) else { return random.perMille(250) ? .albumArtist : [] }
        let choices: [MissingTags] = [
            .all, .title, .artist, .album, .date, .genre, .numbers, [.date, .genre], [.album, .albumArtist, .numbers],
            [.artist, .albumArtist],
        ]
        return choices[random.below(choices.count)]
    }

    private static func companions(discs: Int, _ random: inout SeededRandom) -> Companions {
        var companions: Companions = []
        if random.perMille(700) { companions.insert(.cover) }
        if discs > 1, random.perMille(400) { companions.insert(.discCovers) }
        if random.perMille(40) { companions.insert(.scans) }
        if random.perMille(80) { companions.insert(.cueSheet) }
        if random.perMille(120) { companions.insert(.ripLog) }
        if random.perMille(50) { companions.insert(.lyrics) }
        return companions
    }
}
