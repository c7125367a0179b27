import MusicFSCore
import MusicFSSQLite

/// What the numbers in cas.db and in trailers can be. Whatever calculates with them relies on it.
enum IndexBounds {
    static let length: ClosedRange<Int64> = 1...ChunkGrid.chunkSize
    /// A chunk's end is a number too.
    static let offset: ClosedRange<Int64> = 0...(Int64.max - ChunkGrid.chunkSize)
    /// Users of a chunk, or chunks of a pack.
    static let count: ClosedRange<Int64> = 0...(1 << 32)
    /// Numbers of packs.
    static let pack: ClosedRange<Int64> = 1...(1 << 52)
    /// The next number of a pack, when the index is opened. It leaves numbers enough above, so that no wrong one uses them
    /// up.
    static let nextPack: ClosedRange<Int64> = 1...(1 << 51)
    /// Bytes of a pack's chunks; there are some megabytes.
    static let dataSize: ClosedRange<Int64> = 1...(1 << 32)
    /// Bytes of a pack's trailers, which grow with the users of its chunks.
    static let trailers: ClosedRange<Int64> = 1...(1 << 30)
    /// Bytes and counts of many rows, and ranks.
    static let sum: ClosedRange<Int64> = 0...(1 << 60)
}

extension SQLiteError {
    /// A row that is not what was written: the index is damaged.
    static func badRow(_ table: String, _ column: String) -> SQLiteError {
        SQLiteError(extendedCode: 11, message: "a row cannot be right: \(column)", context: table)
    }
}

// Columns of cas.db. All throw an error that means damage.
extension Statement {
    func integer(_ column: Int32, _ bounds: ClosedRange<Int64>, _ name: String) throws(SQLiteError) -> Int64 {
        let value = integer(column)
        guard bounds.contains(value) else { throw .badRow(name, "\(value)") }
        return value
    }

    func chunkID(_ column: Int32) throws(SQLiteError) -> ChunkID {
        guard let id = ChunkID(bytes: bytes(column)) else { throw .badRow("chunk", "id") }
        return id
    }

    func contentKey(_ column: Int32) throws(SQLiteError) -> ContentKey {
        guard let key = ContentKey(bytes: bytes(column)) else { throw .badRow("manifests", "key") }
        return key
    }

    /// A pack's number and a position in it.
    func place(_ column: Int32) throws(SQLiteError) -> ChunkPlace {
        ChunkPlace(
            pack: PackID(try integer(column, IndexBounds.pack, "pack")),
            position: try integer(column + 1, IndexBounds.offset, "position"))
    }

    /// Offset, length, chunk and its place, in the first five columns.
    func entry() throws(SQLiteError) -> Manifest.Entry {
        Manifest.Entry(
            offset: try integer(0, IndexBounds.offset, "entries.offset"),
            length: Int(try integer(1, IndexBounds.length, "entries.length")), id: try chunkID(2),
            place: try place(3))
    }
}
