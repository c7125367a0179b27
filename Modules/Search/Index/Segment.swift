import MusicFSCore
import MusicFSSystem

/// Where a term's postings are in a segment.
struct TermEntry: Hashable {
    /// In how many documents it is, deleted ones among them.
    var count: Int
    var offset: Int
    var length: Int
}

/// One immutable part of the index, mapped.
///
/// Its checksum is not looked at when it is opened, so that everything read here may be damaged: reading never leaves
/// the file, document numbers are checked where they are decoded, and what cannot be is told by `SearchWatch`.
final class Segment: Sendable {
    let documentCount: Int
    let termCount: Int
    let pairCount: Int
    /// The sums of the lengths of the fields.
    let lengths: [UInt64]
    private let path: FilePath
    private let file: MappedFile
    private let blockCount: Int
    private let ids: Bytes
    let norms: Bytes
    let postings: Bytes
    private let dictionary: Bytes
    private let blocks: Bytes
    private let pairs: Bytes
    private let pairBlocks: Bytes
    private let columns: [Column]

    struct Column {
        var least: Int64
        var width: Int
        var values: Bytes
    }

    /// - Parameter length: what the manifest says; a file of another length is damage.
    static func open(_ path: FilePath, length: Int) throws(SearchError) -> Segment {
        let file: MappedFile
        do throws(SystemError) { file = try MappedFile.open(path, count: length) } catch {
            let isDamage = error.errno == .io || error.errno == .noEntry
            throw SearchError(isDamage ? .damaged : .disk, "cannot open \(path)", cause: error)
        }
        guard let segment = Segment(path, file) else { throw SearchError(.damaged, "\(path) has a wrong header") }
        return segment
    }

    private init?(_ path: FilePath, _ file: MappedFile) {
        let bytes = unsafe Bytes(file.bytes)
        self.path = path
        self.file = file
        guard bytes.u32(0) == SegmentFormat.magic, bytes.u32(4) == SegmentFormat.version else { return nil }
        documentCount = Int(bytes.u32(8))
        termCount = Int(bytes.u32(12))
        blockCount = Int(bytes.u32(16))
        pairCount = Int(bytes.u32(20))
        lengths = (0..<TextField.count).map { min(bytes.u64(24 + $0 * 8), 1 << 48) }
        var sections: [Bytes] = []
        for section in 0..<SegmentFormat.sectionCount {
            let at = 24 + 8 * TextField.count + 16 * section
            let (offset, length) = (bytes.u64(at), bytes.u64(at + 8))
            let end = UInt64(file.count - min(file.count, SegmentFormat.padding))
            guard offset <= end, length <= end - offset else { return nil }
            // The padding belongs to each, so that packed values can be read eight bytes at a time.
            sections.append(bytes.part(Int(offset), Int(length) + SegmentFormat.padding))
        }
        func length(_ section: SegmentFormat.Section) -> Int {
            sections[section.rawValue].count - SegmentFormat.padding
        }
        guard length(.ids) == documentCount * 8, length(.norms) == documentCount * TextField.count,
            length(.blocks) == blockCount * 4,
            blockCount == Segment.blockCount(termCount), length(.pairBlocks) == Segment.blockCount(pairCount) * 4
        else { return nil }
        ids = sections[SegmentFormat.Section.ids.rawValue]
        norms = sections[SegmentFormat.Section.norms.rawValue]
        postings = sections[SegmentFormat.Section.postings.rawValue]
        dictionary = sections[SegmentFormat.Section.dictionary.rawValue]
        blocks = sections[SegmentFormat.Section.blocks.rawValue]
        pairs = sections[SegmentFormat.Section.pairs.rawValue]
        pairBlocks = sections[SegmentFormat.Section.pairBlocks.rawValue]
        let numbers = sections[SegmentFormat.Section.numbers.rawValue]
        var columns: [Column] = []
        var offset = 0
        for _ in NumericField.allCases {
            let width = Int(numbers.u8(offset + 8))
            guard width <= 57 else { return nil }
            let size = (documentCount * width + 7) / 8
            guard offset + 9 + size <= length(.numbers) else { return nil }
            let least = min(max(Int64(bitPattern: numbers.u64(offset)), -1), NumericField.limit)
            columns.append(
                Column(least: least, width: width, values: numbers.part(offset + 9, numbers.count - offset - 9)))
            offset += 9 + size
        }
        self.columns = columns
    }

    /// How many blocks a dictionary has.
    private static func blockCount(_ terms: Int) -> Int {
        (terms + SegmentFormat.termsPerBlock - 1) / SegmentFormat.termsPerBlock
    }

    /// Looks whether the file is what was written; reads all of it, and not through the mapping, where what the disk does
    /// not give would be the end of the process.
    ///
    /// - Throws: `SearchError` with `.damaged` where it is not, or cannot be read.
    func verify(_ high: UInt64, _ low: UInt64) throws(SearchError) {
        try Segment.verify(path, high, low, mayBeGone: true)
    }

    /// - Parameter mayBeGone: whether it may have been merged away meanwhile.
    static func verify(_ path: FilePath, _ high: UInt64, _ low: UInt64, mayBeGone: Bool) throws(SearchError) {
        do throws(SystemError) {
            let words = try ContentHash.xxh3Words(of: path)
            if words.high == high, words.low == low { return }
        } catch {
            if error.errno == .noEntry, mayBeGone { return }
            let isDamage = error.errno == .io || error.errno == .noEntry
            throw SearchError(isDamage ? .damaged : .disk, "cannot read \(path)", cause: error)
        }
        throw SearchError(.damaged, "\(path) is damaged")
    }

    var checksum: (high: UInt64, low: UInt64) { unsafe ContentHash.xxh3Words(file.bytes) }

    // MARK: Documents

    @inline(__always) func id(_ document: Int) -> Int64 { Int64(bitPattern: ids.u64(document &* 8)) }

    /// The document with that id, deleted or not.
    func document(_ id: Int64) -> Int? {
        var (low, high) = (0, documentCount)
        if documentCount == 0 || id > self.id(documentCount - 1) { return nil }
        while low < high {
            let middle = (low + high) / 2
            if self.id(middle) < id { low = middle + 1 } else { high = middle }
        }
        return low < documentCount && self.id(low) == id ? low : nil
    }

    @inline(__always) func number(_ field: NumericField, _ document: Int) -> Int64? {
        let column = columns[Int(field.rawValue)]
        let stored = column.values.packed(document, width: column.width)
        return stored == 0 ? nil : column.least + Int64(stored) - 1
    }

    /// The packed values that a range of numbers has; nil where no document can have one.
    func storedRange(_ field: NumericField, _ range: ClosedRange<Int64>) -> ClosedRange<UInt64>? {
        let column = columns[Int(field.rawValue)]
        let greatest = Int64(min((UInt64(1) << UInt64(column.width)) - 1, UInt64(NumericField.limit) * 2))
        let low = max(max(range.lowerBound, -1) - column.least + 1, 1)
        let high = min(min(range.upperBound, NumericField.limit) - column.least + 1, greatest)
        return low <= high ? UInt64(low)...UInt64(high) : nil
    }

    func column(_ field: NumericField) -> Column { columns[Int(field.rawValue)] }

    // MARK: Terms

    func entry(_ term: [UInt8]) -> TermEntry? {
        var cursor = cursor(from: term)
        return Segment.find(term, &cursor)
    }

    /// Where the documents are that have two common words (`PairLists.isCommon`) one behind the other; nil where none has.
    ///
    /// - Parameter name: of the pair, see `PairLists`.
    func pair(_ name: [UInt8]) -> TermEntry? {
        var cursor = DictionaryCursor(
            pairs, pairBlocks, blockCount: Segment.blockCount(pairCount), termCount: pairCount)
        cursor.seekBlock(name)
        return Segment.find(name, &cursor)
    }

    private static func find(_ term: [UInt8], _ cursor: inout DictionaryCursor) -> TermEntry? {
        while cursor.next() {
            if cursor.term == term { return cursor.entry }
            if !cursor.term.lexicographicallyPrecedes(term) { return nil }
        }
        return nil
    }

    /// The term whose postings an entry tells of.
    func term(of entry: TermEntry) -> [UInt8]? {
        var cursor = cursor()
        cursor.seekBlock(postings: entry.offset)
        while cursor.next(), cursor.entry.offset <= entry.offset {
            if cursor.entry == entry { return cursor.term }
        }
        return nil
    }

    /// A cursor before the block in which the first term from `term` on is.
    func cursor(from term: [UInt8]) -> DictionaryCursor {
        var cursor = DictionaryCursor(dictionary, blocks, blockCount: blockCount, termCount: termCount)
        cursor.seekBlock(term)
        return cursor
    }

    func cursor() -> DictionaryCursor {
        DictionaryCursor(dictionary, blocks, blockCount: blockCount, termCount: termCount)
    }

    /// The bytes of a term's postings, the padding with them.
    func postings(_ entry: TermEntry) -> Bytes {
        guard entry.offset >= 0, entry.length >= 0, entry.offset <= postings.count - SegmentFormat.padding,
            entry.length <= postings.count - SegmentFormat.padding - entry.offset
        else { return postings.part(0, 0) }
        return postings.part(entry.offset, entry.length + SegmentFormat.padding)
    }
}
