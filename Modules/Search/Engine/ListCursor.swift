/// Documents with scores that are known.
final class ListCursor: Cursor {
    private let documents: [UInt32]
    private let scores: [Float]
    private var index = 0
    private let best: Float
    /// The greatest score of every 128.
    private let blocks: [Float]

    init(_ documents: [UInt32], _ scores: [Float]) {
        self.documents = documents
        self.scores = scores
        best = scores.max() ?? 0
        blocks = stride(from: 0, to: scores.count, by: 128).map { start in
            scores[start..<min(start + 128, scores.count)].max() ?? 0
        }
        super.init(cost: documents.count)
        document = documents.first ?? Cursor.end
    }

    override func next() {
        index += 1
        document = index < documents.count ? documents[index] : Cursor.end
    }

    override func seek(_ target: UInt32) {
        if document >= target { return }
        index = place(target)
        document = index < documents.count ? documents[index] : Cursor.end
    }

    /// Gallops from the present place.
    private func place(_ target: UInt32) -> Int {
        var low = index
        var step = 1
        while low + step < documents.count, documents[low + step] < target {
            low += step
            step *= 2
        }
        var high = min(low + step, documents.count)
        while low < high {
            let middle = (low + high) / 2
            if documents[middle] < target { low = middle + 1 } else { high = middle }
        }
        return low
    }

    override func score() -> Float { scores[index] }

    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        let at = place(target)
        guard at < documents.count else { return (-1, Cursor.end) }
        let block = at / 128
        let end = min(block * 128 + 128, documents.count)
        return (blocks[block], end == documents.count ? Cursor.end : documents[end - 1])
    }

    override var maximum: Float { best }
}
