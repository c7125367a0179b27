/// Where the tracks of a catalogue lie, in the manner of a kind of collector.
///
/// Tracks must come in the order of the catalogue. No two get the same path: what is taken gets ` (2)`, ` (3)` … The
/// memory is 8 bytes or so for each album, and in the messy style for some tracks.
package struct LibraryLayout {
    package enum Style: String, CaseIterable, Hashable, Sendable {
        /// `Artist/Album (2004)/CD1/01 Title.flac`.
        case artistAlbum = "artist-album"
        /// All in one directory: `Artist - Album - 1-01 - Title.flac`.
        case flat
        /// Each album in another manner: year first, genre first, underscores, everything in `Downloads`, …
        case messy
    }

    /// Where a track goes. Both are relative to the library's root and have no slash at either end.
    package struct Place: Hashable, Sendable {
        /// The directory of the album, above those of its discs; nil where it lies among others.
        package var albumDirectory: String?
        /// The directory of the track, equal to that of the album or below it.
        package var directory: String
        /// The name of the file without its extension.
        package var stem: String
        package var fileExtension: String

        package var path: String { LibraryLayout.join(directory, "\(stem).\(fileExtension)") }
    }

    private let style: Style
    private var current: (album: GeneratedAlbum, manner: AlbumManner)?
    /// FNV-1a of the paths that are taken: albums, and tracks outside albums.
    private var taken = Set<UInt64>()
    private var takenInAlbum = Set<String>()

    package init(_ style: Style) { self.style = style }

    package mutating func place(_ track: GeneratedTrack) -> Place {
        let manner = manner(of: track.album)
        let directory =
            manner.discDirectories.isEmpty
            ? manner.directory
            : LibraryLayout.join(manner.directory, manner.discDirectories + String(track.disc))
        let name = manner.stem(track)
        let stem = pathComponent(manner.decomposes ? decomposed(name) : name)
        var free = stem
        var copies = 1
        while !claim(LibraryLayout.join(directory, free), shared: manner.isShared) {
            copies += 1
            free = "\(stem) (\(copies))"
        }
        return Place(
            albumDirectory: manner.isShared || !manner.prefix.isEmpty ? nil : manner.directory, directory: directory,
            stem: free, fileExtension: manner.fileExtension)
    }

    package static func join(_ directory: String, _ name: String) -> String {
        directory.isEmpty ? name : "\(directory)/\(name)"
    }

    /// The manner of the album, with a directory or a prefix that no other album has.
    private mutating func manner(of album: GeneratedAlbum) -> AlbumManner {
        if let current, current.album === album { return current.manner }
        var manner = AlbumManner(album, style)
        if !manner.isShared {
            var copies = 1
            while !taken.insert(hash(LibraryLayout.join(manner.directory, manner.prefix))).inserted {
                copies += 1
                manner = AlbumManner(album, style, copy: copies)
            }
        }
        takenInAlbum.removeAll(keepingCapacity: true)
        current = (album, manner)
        return manner
    }

    private mutating func claim(_ path: String, shared: Bool) -> Bool {
        shared ? taken.insert(hash(path)).inserted : takenInAlbum.insert(path).inserted
    }

    /// FNV-1a: that of the standard library differs in each process, and so would what a collision renames.
    private func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
