/// What a segment's file is made of. Numbers have their least significant byte first.
///
/// Header: magic, version, documents, terms, dictionary blocks, pairs (u32 each), the sums of the lengths of the six
/// text fields (u64 each), then offset and length (u64 each) of every section.
///
/// - ids: the documents' external ids, ascending (i64 each); a document's number is its place here.
/// - norms: per document six bytes, the lengths of its text fields, see `FieldLength`.
/// - numbers: per numeric field the least value (i64), the width (u8), and packed per document 0 for none or the value − least + 1.
/// - postings: of the terms, then of the pairs; see `PostingsEncoder`.
/// - dictionary: blocks of 16 terms, see `DictionaryWriter`.
/// - blocks: where each dictionary block begins (u32 each).
/// - pairs, pair blocks: the same of pairs of common words, see `PairLists`.
/// - padding: 16 bytes, since packed values are read eight bytes at a time.
enum SegmentFormat {
    static let magic: UInt32 = 0x5346_4d53
    static let version: UInt32 = 2
    static let padding = 16
    static let sectionCount = 8
    static let headerBytes = 24 + 8 * TextField.count + 16 * sectionCount
    static let postingsPerBlock = 128
    static let termsPerBlock = 16

    enum Section: Int, CaseIterable { case ids, norms, numbers, postings, dictionary, blocks, pairs, pairBlocks }
}

/// Lengths of fields in words, as one byte: exact up to 200, then in steps of 64.
enum FieldLength {
    static func code(_ words: Int) -> UInt8 {
        words <= 200 ? UInt8(max(words, 0)) : UInt8(min(200 + (words - 200 + 63) / 64, 255))
    }

    static func words(_ code: UInt8) -> Int { code <= 200 ? Int(code) : 200 + (Int(code) - 200) * 64 }
}

/// One word of a document: its field in the bits 12 to 14, its place in the field in the twelve below.
struct Occurrence: Hashable, Comparable {
    var rawValue: UInt16

    static let maximumPosition = 4095

    init(rawValue: UInt16) { self.rawValue = rawValue }

    init(field: TextField, position: Int) {
        rawValue = UInt16(field.rawValue) << 12 | UInt16(position & Occurrence.maximumPosition)
    }

    /// From 0; a damaged file may hold a field that does not exist.
    var field: Int { Int(rawValue >> 12) & 7 }
    var position: Int { Int(rawValue & 0xfff) }

    static func < (left: Occurrence, right: Occurrence) -> Bool { left.rawValue < right.rawValue }
}
