import MusicFSCore

/// Writes the postings of one term: the documents that hold it, in which fields, how often and where.
///
/// Up to 128 postings are one block:
/// - the width of the distances between documents (u8) and the distances, each from the document behind the last one, packed;
/// - how many codes there are (u8; 0: more than 16) and the codes (u8 each); then for each posting the number of its code,
///   packed with as many bits as the count needs; with more than 16 the codes themselves, of 7 bits;
/// - a code is a mask of fields with bit 6 set where the term is in one of them more than once: for those postings, in
///   their order, how often for each field of the mask (u8);
/// - the width of the places (u8) and the places in each field, the later ones as distances, packed.
///
/// More are, as a header: in how many documents each field has it (u32 each), where the first bounds end (u32), and per
/// block its last document, where its data ends and where its bounds end (u32 each); then all bounds, first those of the
/// term, then the data. Bounds are what `ScoreBounds` keeps.
struct PostingsEncoder {
    /// The field lengths of all documents, six bytes each.
    private let norms: [UInt8]
    private var documents: [UInt32] = []
    private var codes: [UInt8] = []
    private var frequencies: [UInt8] = []
    private var places: [UInt64] = []
    private var previous: Int64 = -1

    private var count = 0
    private var fieldCounts = [UInt32](repeating: 0, count: TextField.count)
    private var termBounds = ScoreBounds()
    private var blockBounds = ScoreBounds()
    private var boundsData = ByteWriter()
    private var skips: [(last: UInt32, dataEnd: UInt32, boundsEnd: UInt32)] = []
    private var data = ByteWriter()

    init(norms: [UInt8]) { self.norms = norms }

    /// - Parameters:
    ///   - document: greater than the one before.
    ///   - occurrences: ascending; none for a keyword.
    mutating func add(_ document: UInt32, _ occurrences: ArraySlice<Occurrence>) {
        if documents.count == SegmentFormat.postingsPerBlock { endBlock() }
        var code: UInt8 = 0
        var counts: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0, 0, 0, 0)
        var lastField = -1
        var lastPlace = 0
        unsafe withUnsafeMutableBytes(of: &counts) { counts in
            for occurrence in occurrences {
                let field = occurrence.field
                // More than that a posting does not tell.
                if unsafe counts[field] == 255 { continue }
                code |= 1 << UInt8(field)
                if unsafe counts[field] == 1 { code |= PostingCode.repeats }
                unsafe counts[field] += 1
                let place = occurrence.position
                places.append(UInt64(field == lastField ? place - lastPlace : place))
                (lastField, lastPlace) = (field, place)
            }
        }
        unsafe withUnsafeBytes(of: counts) { counts in
            for field in 0..<TextField.count where code & 1 << UInt8(field) != 0 {
                fieldCounts[field] += 1
                if code & PostingCode.repeats != 0 { unsafe frequencies.append(counts[field]) }
            }
            if code != 0 {
                let offset = Int(document) * TextField.count
                unsafe blockBounds.add(code, counts, norms[offset..<(offset + TextField.count)])
            }
        }
        documents.append(document)
        codes.append(code)
        count += 1
    }

    private mutating func endBlock() {
        guard let last = documents.last else { return }
        var distances: [UInt64] = []
        distances.reserveCapacity(documents.count)
        var largest: UInt64 = 0
        for document in documents {
            let distance = UInt64(Int64(document) - previous - 1)
            largest |= distance
            distances.append(distance)
            previous = Int64(document)
        }
        let width = ByteWriter.width(of: largest)
        data.u8(UInt8(width))
        data.packed(distances, width: width)
        writeCodes()
        data.append(frequencies)
        let placeWidth = ByteWriter.width(of: places.reduce(0, |))
        data.u8(UInt8(placeWidth))
        data.packed(places, width: placeWidth)
        blockBounds.write(to: &boundsData)
        termBounds.add(blockBounds)
        skips.append((last, UInt32(truncatingIfNeeded: data.count), UInt32(truncatingIfNeeded: boundsData.count)))
        documents.removeAll(keepingCapacity: true)
        codes.removeAll(keepingCapacity: true)
        frequencies.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        blockBounds.removeAll()
    }

    private mutating func writeCodes() {
        var table: [UInt8] = []
        for code in codes where !table.contains(code) {
            table.append(code)
            if table.count > 16 { break }
        }
        if table.count > 16 {
            data.u8(0)
            data.packed(codes.lazy.map(UInt64.init), width: 7)
            return
        }
        data.u8(UInt8(table.count))
        data.append(table)
        let width = ByteWriter.width(of: UInt64(table.count - 1))
        data.packed(codes.lazy.map { code in UInt64(table.firstIndex(of: code) ?? 0) }, width: width)
    }

    /// Ends the term, whose bytes are given, and begins another.
    mutating func finish() -> (count: Int, bytes: [UInt8]) {
        endBlock()
        defer { reset() }
        if count <= SegmentFormat.postingsPerBlock { return (count, data.bytes) }
        var result = ByteWriter()
        for count in fieldCounts { result.u32(count) }
        var first = ByteWriter()
        termBounds.write(to: &first)
        result.u32(UInt32(first.count))
        for skip in skips {
            result.u32(skip.last)
            result.u32(skip.dataEnd)
            result.u32(skip.boundsEnd)
        }
        result.append(first.bytes)
        result.append(boundsData.bytes)
        result.append(data.bytes)
        return (count, result.bytes)
    }

    private mutating func reset() {
        previous = -1
        count = 0
        for field in fieldCounts.indices { fieldCounts[field] = 0 }
        termBounds.removeAll()
        boundsData.removeAll()
        skips.removeAll(keepingCapacity: true)
        data.removeAll()
    }
}

/// The byte that tells in which fields a document has a term.
enum PostingCode {
    static let fields: UInt8 = 0x3f
    static let repeats: UInt8 = 0x40
}
