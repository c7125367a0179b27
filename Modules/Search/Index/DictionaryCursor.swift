/// Goes through the terms of a segment in their order.
struct DictionaryCursor {
    private let dictionary: Bytes
    private let blocks: Bytes
    private let blockCount: Int
    private let termCount: Int
    /// The block that `next` goes on in, or begins.
    private(set) var block = 0
    /// How many terms of it were read.
    private var index = 0
    private var offset = 0
    private var postingsOffset = 0
    private(set) var term: [UInt8] = []
    /// How many bytes the term shares with the one before it in the block.
    private(set) var shared = 0
    private(set) var entry = TermEntry(count: 0, offset: 0, length: 0)

    init(_ dictionary: Bytes, _ blocks: Bytes, blockCount: Int, termCount: Int) {
        self.dictionary = dictionary
        self.blocks = blocks
        self.blockCount = blockCount
        self.termCount = termCount
        term.reserveCapacity(256)
    }

    /// Goes to the beginning of the last block whose first term is not behind `term`.
    mutating func seekBlock(_ term: [UInt8]) { seekBlock(term, in: 0..<blockCount) }

    /// The same, where the first block behind it is known to be in a range or at its end.
    private mutating func seekBlock(_ term: [UInt8], in range: Range<Int>) {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(middle, term) { high = middle } else { low = middle + 1 }
        }
        block = max(low - 1, 0)
        index = 0
    }

    /// Whether the first term of a block is greater than `term`.
    private func isBehind(_ block: Int, _ term: [UInt8]) -> Bool {
        var at = Int(blocks.u32(block * 4))
        _ = dictionary.variable(&at)
        let length = Int(dictionary.u8(at + 1))
        let shared = min(length, term.count)
        for index in 0..<shared {
            let (first, wanted) = (dictionary.u8(at + 2 + index), term[index])
            if first != wanted { return first > wanted }
        }
        return length > term.count
    }

    /// Goes to the beginning of the last block whose postings do not begin behind `offset`.
    mutating func seekBlock(postings offset: Int) {
        var (low, high) = (0, blockCount)
        while low < high {
            let middle = (low + high) / 2
            var at = Int(blocks.u32(middle * 4))
            let start = Int(truncatingIfNeeded: dictionary.variable(&at) & 0xff_ffff_ffff)
            if start > offset { high = middle } else { low = middle + 1 }
        }
        block = max(low - 1, 0)
        index = 0
    }

    /// Leaves the rest of the block.
    mutating func skipBlock() {
        block += 1
        index = 0
    }

    /// Whether the present term is the first of its block, and shares nothing that is told.
    var isFirstOfBlock: Bool { index == 1 }

    /// As `seekBlock` for a term behind the present one; stays where that is in the present block.
    mutating func seekBlockForward(_ term: [UInt8]) {
        let (before, place) = (block, index)
        var low = block + 1
        var step = 1
        while low + step < blockCount, !isBehind(low + step, term) {
            low += step
            step *= 2
        }
        let high = min(low + step, blockCount)
        seekBlock(term, in: low..<max(low, high))
        if block <= before { (block, index) = (before, place) }
    }

    /// - Returns: whether there is another term. A damaged dictionary ends early, or has terms that do not ascend.
    mutating func next() -> Bool {
        if index == SegmentFormat.termsPerBlock { skipBlock() }
        guard block < blockCount, block * SegmentFormat.termsPerBlock + index < termCount else { return false }
        if index == 0 {
            offset = Int(blocks.u32(block * 4))
            postingsOffset = Int(truncatingIfNeeded: dictionary.variable(&offset) & 0xff_ffff_ffff)
            term.removeAll(keepingCapacity: true)
        }
        shared = min(Int(dictionary.u8(offset)), term.count)
        let length = Int(dictionary.u8(offset + 1))
        term.removeLast(term.count - shared)
        dictionary.append(offset + 2, length, to: &term)
        offset += 2 + length
        let count = dictionary.variable(&offset)
        let bytes = dictionary.variable(&offset)
        entry = TermEntry(
            count: Int(min(count, 1 << 32)), offset: postingsOffset, length: Int(min(bytes, 1 << 40)))
        postingsOffset &+= entry.length
        index += 1
        return true
    }

    /// Leaves out the next terms of the block that share at least so many bytes with the present one.
    mutating func skipShared(_ count: Int) {
        while index > 0, index < SegmentFormat.termsPerBlock, block * SegmentFormat.termsPerBlock + index < termCount,
            Int(dictionary.u8(offset)) >= count
        {
            offset += 2 + Int(dictionary.u8(offset + 1))
            _ = dictionary.variable(&offset)
            postingsOffset &+= Int(min(dictionary.variable(&offset), 1 << 40))
            index += 1
        }
    }
}
