import MusicFSCore

/// Reads the postings of one term, a block at a time; see `PostingsEncoder`.
///
/// Unsafe pointers: the loops here are what a search spends its time in. The two buffers are made for a whole block, and
/// their indices come from `length`, which is at most that.
@safe final class PostingsDecoder {
    let count: Int
    let blockCount: Int
    /// How many postings of the loaded block there are.
    private(set) var length = 0
    /// How many of its documents are unpacked.
    private(set) var unpacked = 0
    /// The documents of the loaded block, ascending, as far as they are unpacked.
    let documents: UnsafeMutablePointer<UInt32>
    /// The codes of the loaded block, once `loadCodes` was called.
    let codes: UnsafeMutablePointer<UInt8>
    /// The number of the block that is loaded; -1 for none.
    private(set) var block = -1

    /// Where the documents of the block are packed, with how many bits each, and the last one that was unpacked.
    private var packed: UnsafeRawPointer?
    private var width = 0
    private var lastUnpacked = -1

    private let bytes: Bytes
    private let documentCount: Int
    private let watch: SearchWatch
    private let boundsStart: Int
    private let dataStart: Int
    /// Where in the data the frequencies of the loaded block begin.
    private var frequenciesOffset = 0
    private var hasRepeats = false
    private var hasCodes = false
    /// How the codes of the loaded block are packed.
    private var codeTable = (offset: 0, count: 0, width: 0)
    /// A posting, and where its frequencies begin.
    private var frequencyMark = (index: 0, offset: 0)
    /// A posting, how many places those before it have, and where its frequencies begin.
    private var placeMark = (index: 0, number: 0, frequencies: 0)
    /// Where the width of the places is; -1 as long as it was not asked for.
    private var placesOffset = -1

    private static let headerBytes = 28

    /// - Parameter bytes: the term's, with the padding behind them.
    init(_ bytes: Bytes, count: Int, documentCount: Int, watch: SearchWatch) {
        self.bytes = bytes
        // A document is there once.
        self.count = min(count, documentCount)
        if count > documentCount || count == 0 { watch.noteDamage() }
        self.documentCount = documentCount
        self.watch = watch
        blockCount = (self.count + SegmentFormat.postingsPerBlock - 1) / SegmentFormat.postingsPerBlock
        unsafe documents = .allocate(capacity: SegmentFormat.postingsPerBlock)
        unsafe codes = .allocate(capacity: SegmentFormat.postingsPerBlock)
        if blockCount <= 1 {
            (boundsStart, dataStart) = (0, 0)
            return
        }
        let skipsEnd = PostingsDecoder.headerBytes + 12 * blockCount
        boundsStart = skipsEnd + Int(bytes.u32(24))
        dataStart = boundsStart + Int(bytes.u32(PostingsDecoder.headerBytes + 12 * (blockCount - 1) + 8))
    }

    deinit {
        unsafe documents.deallocate()
        unsafe codes.deallocate()
    }

    // MARK: Skipping

    /// The last document of a block that is not the last one.
    @inline(__always) func last(_ block: Int) -> UInt32 {
        bytes.u32(PostingsDecoder.headerBytes &+ 12 &* block)
    }

    /// The first block from `from` on whose last document is not before `document`; the last block where there is none.
    func blockHolding(_ document: UInt32, from: Int) -> Int {
        var (low, high) = (from, blockCount - 1)
        // Mostly it is near: gallop first.
        var step = 1
        while low < high, last(min(low + step, high)) < document, low + step < high {
            low += step
            step *= 2
        }
        high = min(low + step, high)
        while low < high {
            let middle = (low + high) / 2
            if last(middle) < document { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// In how many documents a field has the term.
    func fieldCount(_ field: TextField) -> Int {
        if blockCount > 1 { return min(Int(bytes.u32(4 * Int(field.rawValue))), count) }
        load(0)
        loadCodes()
        let bit = UInt8(1) << field.rawValue
        return (0..<length).count { unsafe codes[$0] & bit != 0 }
    }

    /// Where in the term's bytes the bounds of a block begin, or those of the whole term for nil; nil where there are none.
    @inline(__always) func boundsOffset(_ block: Int?) -> Int? {
        if blockCount <= 1 { return nil }
        guard let block else { return PostingsDecoder.headerBytes + 12 * blockCount }
        if block == 0 { return boundsStart }
        return boundsStart &+ Int(bytes.u32(PostingsDecoder.headerBytes &+ 12 &* (block - 1) &+ 8))
    }

    var source: Bytes { bytes }

    // MARK: Blocks

    /// Goes to a block and unpacks all its documents. Damaged ones have none, and neither have those behind the end of a
    /// search.
    func load(_ number: Int) {
        open(number)
        unpack(through: .max)
    }

    /// Goes to a block, of which nothing is unpacked yet.
    func open(_ number: Int) {
        if number == block { return }
        block = number
        unpacked = 0
        if watch.isOver(after: SegmentFormat.postingsPerBlock) { return clear() }
        let isLast = number == blockCount - 1
        length =
            isLast ? count - number * SegmentFormat.postingsPerBlock : SegmentFormat.postingsPerBlock
        var offset = dataStart
        lastUnpacked = -1
        if number > 0 {
            offset &+= Int(bytes.u32(PostingsDecoder.headerBytes + 12 * (number - 1) + 4))
            lastUnpacked = Int(last(number - 1))
        }
        width = Int(bytes.u8(offset))
        offset += 1
        unsafe packed = packedSource(offset, width)
        guard width <= 32, unsafe packed != nil else { return fail() }
        offset += (length * width + 7) / 8
        findCodes(offset)
    }

    /// Unpacks documents of the block until one is not before `target`, and at most three behind that one.
    func unpack(through target: UInt32) {
        guard unpacked < length, let source = unsafe packed else { return }
        let (width, length, target) = (width, length, Int(target))
        let mask = (UInt64(1) << UInt64(width)) &- 1
        var (index, document) = (unpacked, lastUnpacked)
        if width <= 14 {
            // Four values are in eight bytes, wherever in the first one they begin.
            while index &+ 4 <= length, document < target {
                let bit = index &* width
                var word =
                    unsafe UInt64(
                        littleEndian: source.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
                    &>> UInt64(bit & 7)
                for next in index..<(index &+ 4) {
                    document = document &+ 1 &+ Int(word & mask)
                    unsafe documents[next] = UInt32(truncatingIfNeeded: document)
                    word &>>= UInt64(width)
                }
                index &+= 4
            }
        }
        while index < length, document < target {
            let bit = index &* width
            let word = unsafe UInt64(
                littleEndian: source.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
            document = document &+ 1 &+ Int((word >> UInt64(bit & 7)) & mask)
            unsafe documents[index] = UInt32(truncatingIfNeeded: document)
            index &+= 1
        }
        (unpacked, lastUnpacked) = (index, document)
        // They ascend, so the last one is the greatest.
        if document >= documentCount { fail() }
    }

    private func fail() {
        watch.noteDamage()
        clear()
    }

    private func clear() {
        length = 0
        unpacked = 0
        hasRepeats = false
        hasCodes = false
        frequenciesOffset = 0
        frequencyMark = (0, 0)
        placeMark = (0, 0, 0)
        placesOffset = -1
        codeTable = (0, 0, 0)
    }

    /// Where packed values of the loaded block are read; nil where they are not all there.
    @inline(__always) private func packedSource(_ offset: Int, _ width: Int) -> UnsafeRawPointer? {
        let size = (length &* width &+ 7) / 8
        guard offset >= 0, offset <= bytes.count &- size &- 8 else { return nil }
        return unsafe bytes.pointer.map { unsafe $0 + offset }
    }

    /// Finds out how the codes are packed, which begin at `start`.
    private func findCodes(_ start: Int) {
        hasCodes = false
        let count = Int(bytes.u8(start))
        let width: Int
        switch count {
        case 0: width = 7
        case 1...16: width = ByteWriter.width(of: UInt64(count - 1))
        default: return fail()
        }
        codeTable = (start + 1, count, width)
        if unsafe packedSource(start + 1 + count, width) == nil { fail() }
    }

    /// The code of one posting of the loaded block.
    @inline(__always) func code(_ index: Int) -> UInt8 {
        if hasCodes { return unsafe codes[index] }
        let (offset, count, width) = codeTable
        let value = bytes.packed(index, width: width, at: offset &+ count)
        return (count == 0 ? UInt8(truncatingIfNeeded: value) : bytes.u8(offset &+ Int(value))) & 0x7f
    }

    /// Unpacks the codes of the loaded block.
    func loadCodes() {
        if hasCodes || length == 0 { return }
        hasCodes = true
        let (table, count, width) = codeTable
        frequenciesOffset = table + count + (length * width + 7) / 8
        frequencyMark = (0, frequenciesOffset)
        placeMark = (0, 0, frequenciesOffset)
        placesOffset = -1
        if count == 1 {
            let code = bytes.u8(table) & 0x7f
            for index in 0..<length { unsafe codes[index] = code }
            hasRepeats = code & PostingCode.repeats != 0
            return
        }
        guard let source = unsafe packedSource(table + count, width) else { return fail() }
        if count == 0 { return unsafe unpackCodes(source) }
        hasRepeats = (0..<count).contains { bytes.u8(table &+ $0) & PostingCode.repeats != 0 }
        // A value is less than twice their count and than 16, so that with the eight bytes behind the values, which
        // `packedSource` has seen, it is still in what may be read, however many codes there are.
        let known = unsafe source - count
        let mask = (UInt64(1) << UInt64(width)) &- 1
        // Eight values begin with a byte. Those behind the length are nobody's, and within a block.
        for group in 0..<((length &+ 7) / 8) {
            var word = unsafe UInt64(
                littleEndian: source.loadUnaligned(fromByteOffset: group &* width, as: UInt64.self))
            for index in (group &* 8)..<(group &* 8 &+ 8) {
                let code = unsafe known.load(fromByteOffset: Int(word & mask), as: UInt8.self)
                unsafe codes[index] = code & 0x7f
                word &>>= UInt64(width)
            }
        }
    }

    /// Unpacks codes that are packed without a table.
    private func unpackCodes(_ source: UnsafeRawPointer) {
        var all: UInt8 = 0
        for index in 0..<length {
            let bit = index &* 7
            let word = unsafe UInt16(
                littleEndian: source.loadUnaligned(fromByteOffset: bit >> 3, as: UInt16.self))
            let code = UInt8(truncatingIfNeeded: word >> UInt16(bit & 7)) & 0x7f
            unsafe codes[index] = code
            all |= code
        }
        hasRepeats = all & PostingCode.repeats != 0
    }

    // MARK: Frequencies and places

    /// How often the fields of a posting's mask have the term, where its code says that one has it more than once.
    ///
    /// - Returns: where in `source` the numbers begin, one byte for each field of the mask.
    func frequencies(_ index: Int) -> Int {
        loadCodes()
        // Mostly it goes on from the posting that was asked for last.
        if index < frequencyMark.index || frequencyMark.index > length { frequencyMark = (0, frequenciesOffset) }
        var offset = frequencyMark.offset
        let end = min(index, length)
        var before = frequencyMark.index
        while before < end {
            if before &+ 8 <= end, eightCodes(before) & 0x4040_4040_4040_4040 == 0 {
                before &+= 8
                continue
            }
            let code = unsafe codes[before]
            if code & PostingCode.repeats != 0 { offset &+= (code & PostingCode.fields).nonzeroBitCount }
            before &+= 1
        }
        frequencyMark = (end, offset)
        return offset
    }

    /// The codes of a posting and the seven behind it.
    @inline(__always) private func eightCodes(_ index: Int) -> UInt64 {
        unsafe UnsafeRawPointer(codes).loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    /// All occurrences of the loaded block, and where those of each posting begin.
    func loadOccurrences(_ occurrences: inout [Occurrence], _ starts: inout [Int]) {
        occurrences.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
        if length == 0 { return }
        let offset = frequencies(length)
        var number = 0
        for index in 0..<length {
            appendOccurrences(of: index, frequencies: frequencies(index), first: &number, places: offset, &occurrences)
            starts.append(occurrences.count)
        }
    }

    /// The occurrences of one posting of the loaded block.
    func loadOccurrences(of index: Int, _ occurrences: inout [Occurrence]) {
        occurrences.removeAll(keepingCapacity: true)
        guard index < length else { return }
        loadCodes()
        if placesOffset < 0 { placesOffset = hasRepeats ? frequencies(length) : frequenciesOffset }
        // Mostly it goes on from the posting that was asked for last.
        if placeMark.index > index { placeMark = (0, 0, frequenciesOffset) }
        var (before, number, at) = placeMark
        while before < index {
            // Mostly no field has it twice: eight postings at once.
            let eight = before &+ 8 <= index ? eightCodes(before) : UInt64.max
            if eight & 0x4040_4040_4040_4040 == 0 {
                number &+= eight.nonzeroBitCount
                before &+= 8
                continue
            }
            let code = unsafe codes[before]
            let fields = (code & PostingCode.fields).nonzeroBitCount
            before &+= 1
            if code & PostingCode.repeats == 0 {
                number &+= fields
                continue
            }
            for _ in 0..<fields {
                number &+= Int(bytes.u8(at))
                at &+= 1
            }
        }
        placeMark = (index, number, at)
        appendOccurrences(of: index, frequencies: at, first: &number, places: placesOffset, &occurrences)
    }

    /// - Parameters:
    ///   - frequencies: where those of the posting begin, if it has any.
    ///   - first: the number of its first place in the block; of the next posting's afterwards.
    ///   - places: where the places' width is.
    private func appendOccurrences(
        of index: Int, frequencies: Int, first: inout Int, places: Int, _ occurrences: inout [Occurrence]
    ) {
        let width = Int(bytes.u8(places))
        if width > 12 { return fail() }
        let code = unsafe codes[index]
        var at = frequencies
        var mask = code & PostingCode.fields
        while mask != 0 {
            let field = UInt16(mask.trailingZeroBitCount)
            mask &= mask - 1
            var times = 1
            if code & PostingCode.repeats != 0 {
                times = Int(bytes.u8(at))
                at &+= 1
            }
            var place: UInt16 = 0
            for _ in 0..<times {
                place &+= UInt16(truncatingIfNeeded: bytes.packed(first, width: width, at: places + 1))
                occurrences.append(Occurrence(rawValue: field << 12 | place & 0xfff))
                first += 1
            }
        }
    }
}
