package import MusicFSCore

/// One track of a catalogue: what it is, whatever its file's tags tell of it.
package struct GeneratedTrack: Sendable {
    /// The place in the catalogue, from 0.
    package let index: Int
    package let album: GeneratedAlbum
    /// From 1.
    package let disc: Int
    /// From 1 on each disc.
    package let number: Int
    package let title: String
    package let artist: String
    /// A second artist, whom the tags name as a second value.
    package let guest: String?
    package let durationMilliseconds: Int64
    /// Whether this repeats the track before it byte for byte.
    package let isCopy: Bool
    /// For further choices that depend on the track alone; copies and second rips have that of the first.
    package let seed: UInt64

    package var format: AudioFormat { album.format }

    /// The bytes of a usual file of this length and format.
    package var usualSize: Int64 { durationMilliseconds * Int64(format.bitrate) / 8 + 8192 }

    /// What the track's file says.
    package var tags: Tags {
        var tags = Tags()
        func add(_ field: TagField, _ value: String?) {
            if let value { tags.entries.append(Tags.Entry(field, value)) }
        }
        let missing = album.missing
        if !missing.contains(.title) { add(.title, title) }
        if !missing.contains(.artist) {
            add(.artist, artist)
            add(.artist, guest)
        }
        if !missing.contains(.album) { add(.album, album.title) }
        if !missing.contains(.albumArtist) { add(.albumArtist, album.artist) }
        if !missing.contains(.genre) { for genre in album.genres { add(.genre, genre) } }
        if !missing.contains(.date) { add(.date, album.date) }
        if !missing.contains(.numbers) {
            add(.track, String(number))
            add(.trackTotal, String(album.discs[disc - 1]))
            if album.discs.count > 1 {
                add(.disc, String(disc))
                add(.discTotal, String(album.discs.count))
            }
        }
        if album.isCompilation { add(.compilation, "1") }
        if missing != .all {
            add(.label, album.label)
            addDepth(&tags)
        }
        return tags
    }

    /// - Parameter artists: how many artists guests and the performers of a compilation are drawn from.
    init(index: Int, album: GeneratedAlbum, disc: Int, number: Int, source: CatalogueSource, artists: Int) {
        var random = SeededRandom(album.seed, UInt64(disc), UInt64(number))
        self.index = index
        self.album = album
        self.disc = disc
        self.number = number
        isCopy = false
        seed = random.next()
        let performer = album.isCompilation ? source.artist(random.below(artists + 100)) : nil
        artist = performer?.name ?? album.artist
        guest = random.perMille(25) ? source.artist(random.below(artists + 100)).name : nil
        title = source.trackTitle(performer?.script ?? album.script, &random)
        // The sum of three draws is near enough to a bell around four minutes.
        durationMilliseconds = Int64((0..<3).reduce(0) { sum, _ in sum + random.within(20_000...140_000) })
    }

    init(copyOf original: GeneratedTrack, index: Int) {
        self.index = index
        album = original.album
        disc = original.disc
        number = original.number
        title = original.title
        artist = original.artist
        guest = original.guest
        durationMilliseconds = original.durationMilliseconds
        seed = original.seed
        isCopy = true
    }

    private func addDepth(_ tags: inout Tags) {
        guard album.isTaggedInDepth else { return }
        var random = SeededRandom(seed, 0x7461_6773)
        var albumRandom = SeededRandom(album.seed, 0x7461_6773)
        tags.entries.append(Tags.Entry(.musicBrainzRecordingID, identifier(&random)))
        tags.entries.append(Tags.Entry(.musicBrainzAlbumID, identifier(&albumRandom)))
        tags.entries.append(Tags.Entry(.replayGainTrackGain, "-\(random.within(1...12)).\(random.within(10...99)) dB"))
        tags.entries.append(Tags.Entry(.replayGainTrackPeak, "0.\(random.within(100_000...999_999))"))
    }
}

/// A random (version 4) UUID in its text form, RFC 9562.
private func identifier(_ random: inout SeededRandom) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var high = random.next() & ~0xf000 | 0x4000
    var low = random.next() & ~(3 << 62) | (2 << 62)
    var text = [UInt8](repeating: UInt8(ascii: "-"), count: 36)
    for position in text.indices.reversed() where ![8, 13, 18, 23].contains(position) {
        text[position] = digits[Int(low & 15)]
        low = low >> 4 | high << 60
        high >>= 4
    }
    return String(decoding: text, as: UTF8.self)
}
