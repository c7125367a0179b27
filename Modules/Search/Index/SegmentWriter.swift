import MusicFSCore
import MusicFSSystem

/// Writes one segment's file: the documents first, then term by term.
struct SegmentWriter: ~Copyable {
    private var file: BufferedFile
    private let documentCount: Int
    private let lengths: [UInt64]
    private var encoder: PostingsEncoder
    private var dictionary = DictionaryWriter()
    private var pairs: PairLists
    private var pairDictionary = DictionaryWriter()
    private var sections: [Range<Int>]
    private let postingsStart: Int

    /// - Parameters:
    ///   - ids: ascending.
    ///   - norms: six bytes a document.
    ///   - lengths: the sums of the exact lengths, by field.
    ///   - number: the value of a document's numeric field.
    static func begin(
        _ path: FilePath, ids: [Int64], norms: [UInt8], lengths: [UInt64],
        number: (NumericField, Int) -> Int64?
    ) throws(SearchError) -> SegmentWriter {
        var file = try BufferedFile.create(path)
        try file.write([UInt8](repeating: 0, count: SegmentFormat.headerBytes))
        var sections: [Range<Int>] = []
        var writer = ByteWriter()
        for id in ids { writer.u64(UInt64(bitPattern: id)) }
        sections.append(file.offset..<(file.offset + writer.count))
        try file.write(writer.bytes)
        sections.append(file.offset..<(file.offset + norms.count))
        try file.write(norms)
        let numbersStart = file.offset
        for field in NumericField.allCases {
            try file.write(column(ids.indices.map { number(field, $0) }))
        }
        sections.append(numbersStart..<file.offset)
        return SegmentWriter(
            file: file, count: ids.count, lengths: lengths, norms: norms, sections: sections)
    }

    private init(
        file: consuming BufferedFile, count: Int, lengths: [UInt64], norms: [UInt8], sections: [Range<Int>]
    ) {
        postingsStart = file.offset
        self.file = file
        documentCount = count
        self.lengths = lengths
        self.sections = sections
        encoder = PostingsEncoder(norms: norms)
        pairs = PairLists(documents: count)
    }

    private static func column(_ values: [Int64?]) -> [UInt8] {
        let present = values.lazy.compactMap { $0 }
        let least = present.min() ?? 0
        let width = ByteWriter.width(of: UInt64((present.max() ?? least - 1) - least + 1))
        var writer = ByteWriter()
        writer.u64(UInt64(bitPattern: least))
        writer.u8(UInt8(width))
        writer.packed(values.lazy.map { $0.map { UInt64($0 - least + 1) } ?? 0 }, width: width)
        return writer.bytes
    }

    mutating func add(_ document: UInt32, _ occurrences: ArraySlice<Occurrence>) { encoder.add(document, occurrences) }

    /// Ends the term of the postings that were added since the last one; without any it is left out.
    mutating func endTerm(_ term: [UInt8]) throws(SearchError) {
        let (count, bytes) = encoder.finish()
        if count == 0 { return }
        dictionary.add(term, postings: count, offset: file.offset - postingsStart, length: bytes.count)
        try file.write(bytes)
        pairs.add(term, count: count, bytes)
    }

    private mutating func writePairs() throws(SearchError) {
        var occurrences: [Occurrence] = []
        for (name, places) in try pairs.gather() {
            var next = places.startIndex
            while next < places.endIndex {
                let document = places[next].document
                occurrences.removeAll(keepingCapacity: true)
                while next < places.endIndex, places[next].document == document {
                    occurrences.append(places[next].occurrence)
                    next += 1
                }
                encoder.add(document, occurrences[...])
            }
            let (count, bytes) = encoder.finish()
            pairDictionary.add(name, postings: count, offset: file.offset - postingsStart, length: bytes.count)
            try file.write(bytes)
        }
    }

    /// - Returns: the length of the file, which is on the disk.
    consuming func finish() throws(SearchError) -> Int {
        try writePairs()
        sections.append(postingsStart..<file.offset)
        for part in [dictionary.dictionary, dictionary.blocks, pairDictionary.dictionary, pairDictionary.blocks] {
            sections.append(file.offset..<(file.offset + part.count))
            try file.write(part.bytes)
        }
        try file.write([UInt8](repeating: 0, count: SegmentFormat.padding))
        let length = file.offset
        var header = ByteWriter()
        header.u32(SegmentFormat.magic)
        header.u32(SegmentFormat.version)
        header.u32(UInt32(documentCount))
        header.u32(UInt32(dictionary.count))
        header.u32(UInt32(dictionary.blocks.count / 4))
        header.u32(UInt32(pairDictionary.count))
        for length in lengths { header.u64(length) }
        for section in sections {
            header.u64(UInt64(section.lowerBound))
            header.u64(UInt64(section.count))
        }
        try file.finish(header: header.bytes)
        return length
    }
}
