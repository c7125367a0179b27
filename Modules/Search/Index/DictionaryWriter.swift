import MusicFSCore

/// Writes the sorted terms, of which neighbours share their beginnings.
///
/// A block begins with the place of its first term's postings (variable); then for each of its 16 terms how many bytes
/// it shares with the one before (u8, 0 for the first), how many follow (u8), those, the number of its postings and how
/// many bytes they take (variable).
struct DictionaryWriter {
    private(set) var dictionary = ByteWriter()
    private(set) var blocks = ByteWriter()
    private(set) var count = 0
    private var last: [UInt8] = []

    /// - Parameter term: greater than the one before, 1 to 255 bytes.
    mutating func add(_ term: [UInt8], postings: Int, offset: Int, length: Int) {
        var shared = 0
        if count % SegmentFormat.termsPerBlock == 0 {
            blocks.u32(UInt32(truncatingIfNeeded: dictionary.count))
            dictionary.write(UInt64(offset))
        } else {
            let limit = min(last.count, term.count)
            while shared < limit, last[shared] == term[shared] { shared += 1 }
        }
        dictionary.u8(UInt8(shared))
        dictionary.u8(UInt8(term.count - shared))
        dictionary.append(term[shared...])
        dictionary.write(UInt64(postings))
        dictionary.write(UInt64(length))
        last = term
        count += 1
    }
}
