/// The albums of a catalogue without end: first the tour, then artist by artist.
struct AlbumSequence {
    private let source: CatalogueSource
    private var albumCount = 0
    private var stops = TourStop.tour[...]
    private var artist: CatalogueSource.Artist
    /// How many artists have albums so far, or are about to.
    private(set) var artistCount = 1
    /// How many more albums the artist will have.
    private var albumsLeft = 0
    /// The album of which another rip comes next.
    private var rippedAgain: GeneratedAlbum?

    init(_ source: CatalogueSource) {
        self.source = source
        artist = source.artist(0)
    }

    mutating func next() -> GeneratedAlbum {
        defer { albumCount += 1 }
        if let original = rippedAgain {
            rippedAgain = nil
            let format = source.otherFormat(than: original.format)
            return GeneratedAlbum(secondRipOf: original, id: albumCount, format: format)
        }
        let stop = stops.popFirst()
        if let stop {
            if !stop.keepsArtist { beginArtist(script: stop.script) }
        } else if albumsLeft == 0 {
            beginArtist(script: nil)
            albumsLeft = source.albumCount(artist: artist.id) - 1
        } else {
            albumsLeft -= 1
        }
        let album = GeneratedAlbum(id: albumCount, artist: artist, source: source, stop: stop)
        var random = SeededRandom(album.seed, 0x7269_7000)
        if stop.map(\.hasSecondRip) ?? random.perMille(12) { rippedAgain = album }
        return album
    }

    private mutating func beginArtist(script: Script?) {
        artist = source.artist(artistCount, script: script)
        artistCount += 1
    }
}
