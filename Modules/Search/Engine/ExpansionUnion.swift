/// Gathers the documents of many terms of one segment, each with the best of its scores.
///
/// Unsafe pointer: a score is there only where the document's bit is set, so that nothing has to be filled before. The
/// documents come from `PostingsDecoder`, which checks them.
@safe struct ExpansionUnion: ~Copyable {
    private let isScored: Bool
    private let watch: SearchWatch
    /// A bit for each document that was added.
    private(set) var bits: [UInt64]
    private var count = 0
    private let scores: UnsafeMutablePointer<Float>?

    /// The documents that are looked for; nil for all.
    private let wanted: [UInt64]?

    /// - Parameter wanted: a bit for each document that is looked for; nil for all.
    init(documents: Int, isScored: Bool, among wanted: [UInt64]? = nil, watch: SearchWatch) {
        self.wanted = wanted
        self.isScored = isScored
        self.watch = watch
        bits = [UInt64](repeating: 0, count: (documents + 63) / 64)
        unsafe scores = isScored ? .allocate(capacity: documents) : nil
    }

    deinit { unsafe scores?.deallocate() }

    /// Adds all documents of a term, whose cursor is of no use afterwards.
    mutating func add(_ cursor: TermCursor) {
        let decoder = cursor.decoder
        let mask = cursor.scorer?.mask ?? PostingCode.fields
        let hasAllFields = mask == PostingCode.fields
        for block in 0..<decoder.blockCount {
            decoder.load(block)
            if watch.isOver { return }
            for index in 0..<decoder.length {
                let document = unsafe decoder.documents[index]
                if let wanted, wanted[Int(document >> 6)] & 1 << UInt64(document & 63) == 0 { continue }
                if !hasAllFields, decoder.code(index) & mask == 0 { continue }
                let isNew = insert(document)
                guard let scores = unsafe scores else { continue }
                let score = cursor.score(index)
                if unsafe isNew || score > scores[Int(document)] { unsafe scores[Int(document)] = score }
            }
        }
    }

    /// Adds all documents of any cursor, without scores.
    mutating func add(all cursor: Cursor) {
        while cursor.document != Cursor.end, !watch.isOver(after: 1) {
            _ = insert(cursor.document)
            cursor.next()
        }
    }

    /// - Returns: whether it was not there.
    @inline(__always) private mutating func insert(_ document: UInt32) -> Bool {
        let bit = UInt64(1) << UInt64(document & 63)
        let word = Int(document >> 6)
        if bits[word] & bit != 0 { return false }
        bits[word] |= bit
        count += 1
        return true
    }

    /// What was gathered; nil for nothing.
    func cursor() -> Cursor? {
        guard count > 0, watch.takeMemory(isScored ? count * 8 : bits.count * 8) else { return nil }
        guard let scores = unsafe scores else { return BitsCursor(bits, count: count) }
        var documents: [UInt32] = []
        var found: [Float] = []
        documents.reserveCapacity(count)
        found.reserveCapacity(count)
        for (index, word) in bits.enumerated() where word != 0 {
            var rest = word
            while rest != 0 {
                let document = index << 6 | rest.trailingZeroBitCount
                rest &= rest - 1
                documents.append(UInt32(document))
                unsafe found.append(scores[document])
            }
        }
        return ListCursor(documents, found)
    }
}

/// Documents without scores, a bit for each.
final class BitsCursor: Cursor {
    private let bits: [UInt64]

    init(_ bits: [UInt64], count: Int) {
        self.bits = bits
        super.init(cost: count)
        find(from: 0)
    }

    override func seek(_ target: UInt32) { if document < target { find(from: target) } }

    private func find(from target: UInt32) {
        var word = Int(target >> 6)
        var rest = word < bits.count ? bits[word] & (.max << UInt64(target & 63)) : 0
        while rest == 0 {
            word += 1
            if word >= bits.count {
                document = Cursor.end
                return
            }
            rest = bits[word]
        }
        document = UInt32(word << 6 | rest.trailingZeroBitCount)
    }
}
