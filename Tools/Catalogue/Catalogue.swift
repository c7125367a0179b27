/// A music library that does not exist: `count` tracks in the order artist, album, disc, number, each made when it is
/// asked for.
///
/// The tracks are a function of the seed and the formats: the first thousand of a catalogue of a million are those of a
/// catalogue of a thousand. Iterating needs constant memory, a few megabytes of it for the vocabulary.
package struct Catalogue: Sequence, Sendable {
    package let count: Int
    private let source: CatalogueSource

    /// - Parameter formats: those that albums may have; an empty list means all.
    package init(count: Int, seed: UInt64 = 1, formats: [AudioFormat] = AudioFormat.allCases) {
        self.count = count
        source = CatalogueSource(seed: seed, formats: formats)
    }

    package var vocabulary: Vocabulary { source.vocabulary }

    package func makeIterator() -> Iterator { Iterator(source, count: count) }

    package struct Iterator: IteratorProtocol {
        private let source: CatalogueSource
        private let count: Int
        private var albums: AlbumSequence
        private var album: GeneratedAlbum?
        private var index = 0
        /// The track to make next.
        private var disc = 1
        private var number = 1
        /// The track that the next one repeats.
        private var repeated: GeneratedTrack?

        fileprivate init(_ source: CatalogueSource, count: Int) {
            self.source = source
            self.count = count
            albums = AlbumSequence(source)
        }

        package mutating func next() -> GeneratedTrack? {
            guard index < count else { return nil }
            defer { index += 1 }
            if let original = repeated {
                repeated = nil
                return GeneratedTrack(copyOf: original, index: index)
            }
            let album = currentAlbum()
            let track = GeneratedTrack(
                index: index, album: album, disc: disc, number: number, source: source, artists: albums.artistCount)
            if album.repeatsFirstTrack, disc == 1, number == 1 { repeated = track }
            number += 1
            if number > album.discs[disc - 1] {
                number = 1
                disc += 1
            }
            return track
        }

        /// The album of the next track, a new one when the last is complete.
        private mutating func currentAlbum() -> GeneratedAlbum {
            if let album, disc <= album.discs.count { return album }
            disc = 1
            number = 1
            let next = albums.next()
            album = next
            return next
        }
    }
}
