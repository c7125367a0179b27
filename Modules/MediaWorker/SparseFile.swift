import MusicFSSystem

/// A file of which perhaps only some ranges are there; notes which others are wanted.
final class SparseFile {
    private let file: CInt
    /// nil where all of it is there.
    private let present: [Range<Int64>]?
    private(set) var missing: [Range<Int64>] = []

    init(_ file: CInt, present: [Range<Int64>]?) {
        self.file = file
        self.present = present
    }

    /// What is not there comes as zeros, and is noted: the result must then not be used.
    func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
        let range = offset..<(offset + Int64(count))
        if let present, !range.isEmpty,
            !present.contains(where: { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound })
        {
            missing.append(range)
            return [UInt8](repeating: 0, count: count)
        }
        return try readFully(file, at: offset, count: count)
    }
}
