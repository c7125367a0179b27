import MusicFSCore

/// The number of a pack: a file with some chunks of one version in it.
///
/// None is given twice as long as the index lasts.
package struct PackID: Hashable, Comparable, Sendable {
    package let number: Int64

    package init(_ number: Int64) { self.number = number }

    package static func < (left: PackID, right: PackID) -> Bool { left.number < right.number }

    /// 16 digits.
    package var text: String {
        let text = String(UInt64(bitPattern: number), radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// - Returns: nil unless the text is 16 lower-case hexadecimal digits of a number that a pack can have.
    package init?(text: String) {
        guard text.utf8.count == 16, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
            let number = Int64(text, radix: 16), IndexBounds.pack.contains(number)
        else { return nil }
        self.number = number
    }
}

/// Where a chunk's bytes lie.
package struct ChunkPlace: Hashable, Sendable {
    package var pack: PackID
    /// Of the first byte, in the pack.
    package var position: Int64

    package init(pack: PackID, position: Int64) { (self.pack, self.position) = (pack, position) }
}

/// What a pack says of itself.
struct PackContents {
    /// A chunk, and all the trailers that name it, at least one.
    struct Chunk {
        var id: ChunkID
        var length: Int
        var place: ChunkPlace
        var trailers: [ChunkTrailer] = []

        init(_ pack: PackID, _ trailer: ChunkTrailer) {
            (id, length) = (trailer.id, trailer.length)
            place = ChunkPlace(pack: pack, position: trailer.position)
        }

        /// The chunk as a part of a version.
        ///
        /// - Parameter offset: where in the version it begins.
        func entry(at offset: Int64) -> Manifest.Entry {
            Manifest.Entry(offset: offset, length: length, id: id, place: place)
        }
    }

    /// Bytes of the file.
    var size: Int64
    /// In the order of their positions.
    var chunks: [Chunk]
}
