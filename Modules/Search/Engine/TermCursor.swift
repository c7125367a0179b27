/// The documents that have a term in one of the scorer's fields; for a keyword (no scorer) simply those that have it.
final class TermCursor: Cursor {
    let decoder: PostingsDecoder
    let scorer: Scorer?
    private let norms: Bytes
    private let mask: UInt8
    private let hasAllFields: Bool
    private(set) var index = 0
    private let best: Float
    /// The block whose bound was asked for last.
    private var boundBlock = -1
    private var boundValue: Float = 0

    init(_ decoder: PostingsDecoder, scorer: Scorer?, norms: Bytes) {
        self.decoder = decoder
        self.scorer = scorer
        self.norms = norms
        mask = scorer?.mask ?? 0
        hasAllFields = scorer == nil || mask == PostingCode.fields
        if let scorer {
            best = decoder.boundsOffset(nil).map { scorer.bound(decoder.source, $0) } ?? scorer.maximum
        } else {
            best = 0
        }
        super.init(cost: decoder.count)
        if decoder.blockCount == 0 {
            document = Cursor.end
            return
        }
        decoder.open(0)
        decoder.unpack(through: 0)
        settle()
    }

    override var maximum: Float { best }

    override func next() {
        index += 1
        settle()
    }

    override func seek(_ target: UInt32) {
        if document >= target { return }
        if decoder.block < decoder.blockCount - 1, decoder.last(decoder.block) < target {
            decoder.open(decoder.blockHolding(target, from: decoder.block + 1))
            index = 0
        }
        let unpacked = decoder.unpacked
        if unsafe unpacked > 0 && decoder.documents[unpacked &- 1] >= target {
            index = place(of: target, before: unpacked)
        } else {
            // It is among those that are unpacked last.
            decoder.unpack(through: target)
            index = max(index, unpacked, decoder.unpacked &- 4)
            while unsafe index < decoder.unpacked && decoder.documents[index] < target { index &+= 1 }
        }
        settle()
    }

    /// The first posting from the present one on whose document is not before `target`, as that of the last one is not.
    @inline(__always) private func place(of target: UInt32, before end: Int) -> Int {
        // The sign instead of a comparison: branches that depend on what is found are foretold wrong every other time.
        var (low, size) = (index, end &- index)
        while size > 1 {
            let half = size >> 1
            let difference = unsafe Int(decoder.documents[low &+ half &- 1]) &- Int(target)
            low &+= difference >> 63 & half
            size &-= half
        }
        return low
    }

    /// Goes on to the first posting from the present one on that counts.
    private func settle() {
        while true {
            while index < decoder.length {
                if index >= decoder.unpacked {
                    decoder.unpack(through: .max)
                    continue
                }
                if hasAllFields || decoder.code(index) & mask != 0 {
                    document = unsafe decoder.documents[index]
                    return
                }
                index += 1
            }
            // A block of nothing is damaged, or behind the end of the search.
            if decoder.block + 1 >= decoder.blockCount || decoder.length == 0 {
                document = Cursor.end
                return
            }
            decoder.open(decoder.block + 1)
            index = 0
        }
    }

    /// Whether what is asked for is in another block, as far as is known without a look.
    @inline(__always) func isBehind(_ target: UInt32) -> Bool {
        document < target && decoder.block < decoder.blockCount &- 1 && decoder.last(decoder.block) < target
    }

    /// In which fields the present document has the term.
    @inline(__always) var code: UInt8 { decoder.code(index) }

    override func score() -> Float { score(index) }

    /// The score of a posting of the loaded block.
    @inline(__always) func score(_ index: Int) -> Float {
        guard let scorer else { return 0 }
        let code = decoder.code(index)
        let lengths = unsafe norms.u64(Int(decoder.documents[index]) &* TextField.count)
        if code & PostingCode.repeats == 0 { return scorer.score(code, lengths) }
        return scorer.score(code, lengths, decoder.source, decoder.frequencies(index))
    }

    /// How often each field of the present document has the term.
    var counts: [Int] {
        var counts = [Int](repeating: 0, count: 8)
        let code = decoder.code(index)
        var at = code & PostingCode.repeats == 0 ? nil : decoder.frequencies(index)
        for field in 0..<TextField.count where code & 1 << UInt8(field) != 0 {
            counts[field] = at.map { Int(decoder.source.u8($0)) } ?? 1
            at? += 1
        }
        return counts
    }

    /// What no score of a block is above; negative where none counts.
    func bound(ofBlock block: Int) -> Float {
        guard let scorer else { return 0 }
        if block != boundBlock {
            boundBlock = block
            boundValue = decoder.boundsOffset(block).map { scorer.bound(decoder.source, $0) } ?? scorer.maximum
        }
        return boundValue
    }

    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        if document == Cursor.end { return (-1, Cursor.end) }
        let block = boundBlockHolding(target)
        let last = block == decoder.blockCount - 1 ? Cursor.end : decoder.last(block)
        return (bound(ofBlock: block), last)
    }

    private func boundBlockHolding(_ target: UInt32) -> Int {
        let block = decoder.block
        if block == decoder.blockCount - 1 || decoder.last(block) >= target { return block }
        return decoder.blockHolding(target, from: block + 1)
    }
}
