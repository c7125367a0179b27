/// A document that was found.
package struct SearchHit: Hashable, Sendable {
    package var id: Int64
    /// 0 where nothing of the query has a score.
    package var score: Float

    /// Better ones first: by score, then by id.
    @inline(__always) func isBetter(than other: SearchHit) -> Bool {
        score != other.score ? score > other.score : id < other.id
    }
}

/// The best hits so far: a heap with the worst of them on top.
struct TopHits {
    let limit: Int
    private var heap: [SearchHit] = []

    init(limit: Int) {
        self.limit = limit
        heap.reserveCapacity(min(limit, 10_000) + 1)
    }

    var isFull: Bool { heap.count >= limit }

    /// Whether a document with at most this score and at least this id can still be among the best.
    @inline(__always) func couldEnter(_ score: Float, _ id: Int64) -> Bool {
        if heap.count < limit { return true }
        guard let worst = heap.first else { return false }
        return score != worst.score ? score > worst.score : id < worst.id
    }

    var worst: SearchHit? { heap.first }

    /// Scores below this are of no use.
    @inline(__always) var threshold: Float { heap.count < limit ? -.infinity : (heap.first?.score ?? .infinity) }

    mutating func insert(_ hit: SearchHit) {
        guard couldEnter(hit.score, hit.id) else { return }
        heap.append(hit)
        siftUp(heap.count - 1)
        if heap.count > limit { removeWorst() }
    }

    /// As `insert`, where the document may be there already: its better score counts.
    mutating func insertOrImprove(_ hit: SearchHit) {
        guard couldEnter(hit.score, hit.id) else { return }
        if let known = heap.firstIndex(where: { $0.id == hit.id }) {
            if heap[known].score >= hit.score { return }
            heap[known] = hit
            siftDown(known)
            return
        }
        insert(hit)
    }

    var sorted: [SearchHit] { heap.sorted { $0.isBetter(than: $1) } }

    private mutating func removeWorst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, heap[(index - 1) / 2].isBetter(than: heap[index]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var worst = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[worst].isBetter(than: heap[child]) { worst = child }
            }
            if worst == index { return }
            heap.swapAt(index, worst)
            index = worst
        }
    }
}
