import MusicFSSystem

/// Makes one segment of several, without the documents that were deleted.
struct SegmentMerger {
    struct Input {
        var segment: Segment
        var deletions: Deletions?
    }

    private let inputs: [Input]
    private let watch = SearchWatch()
    /// By input: the new number of each document; `UInt32.max` for those that go.
    private var numbers: [[UInt32]]
    /// The documents in their new order.
    private var order: [(input: Int32, document: Int32)] = []

    init(_ inputs: [Input]) {
        self.inputs = inputs
        numbers = inputs.map { [UInt32](repeating: .max, count: $0.segment.documentCount) }
        // One after the other by their ids; mostly whole segments follow one another.
        var next = [Int](repeating: 0, count: inputs.count)
        func skipDeleted(_ input: Int) {
            while next[input] < inputs[input].segment.documentCount,
                inputs[input].deletions?.contains(next[input]) == true
            {
                next[input] += 1
            }
        }
        for input in inputs.indices { skipDeleted(input) }
        while true {
            var least: (id: Int64, input: Int)?
            for (input, at) in next.enumerated() where at < inputs[input].segment.documentCount {
                let id = inputs[input].segment.id(at)
                if least.map({ id < $0.id }) ?? true { least = (id, input) }
            }
            guard let (_, input) = least else { break }
            numbers[input][next[input]] = UInt32(order.count)
            order.append((Int32(input), Int32(next[input])))
            next[input] += 1
            skipDeleted(input)
        }
    }

    var documentCount: Int { order.count }

    /// - Returns: the file's length.
    func write(to path: FilePath) throws(SearchError) -> Int {
        var norms: [UInt8] = []
        norms.reserveCapacity(order.count * TextField.count)
        var lengths = [UInt64](repeating: 0, count: TextField.count)
        for (input, document) in order {
            for field in 0..<TextField.count {
                let code = inputs[Int(input)].segment.norms.u8(Int(document) * TextField.count + field)
                norms.append(code)
                lengths[field] += UInt64(FieldLength.words(code))
            }
        }
        // Without deletions the exact sums are known.
        if inputs.allSatisfy({ ($0.deletions?.count ?? 0) == 0 }) {
            for field in lengths.indices { lengths[field] = inputs.reduce(0) { $0 + $1.segment.lengths[field] } }
        }
        var writer = try SegmentWriter.begin(
            path, ids: order.map { inputs[Int($0.input)].segment.id(Int($0.document)) }, norms: norms,
            lengths: lengths
        ) { field, index in
            inputs[Int(order[index].input)].segment.number(field, Int(order[index].document))
        }
        try writeTerms(&writer)
        try watch.check()
        return try writer.finish()
    }

    private func writeTerms(_ writer: inout SegmentWriter) throws(SearchError) {
        var cursors = inputs.map { $0.segment.cursor() }
        var isOpen = cursors.indices.map { cursors[$0].next() }
        var postings = Gathered()
        var last: [UInt8]?
        while true {
            var least: Int?
            for index in cursors.indices where isOpen[index] {
                if let known = least, !cursors[index].term.lexicographicallyPrecedes(cursors[known].term) { continue }
                least = index
            }
            guard let least else { return }
            let term = cursors[least].term
            // A damaged dictionary could go round for ever.
            if term.isEmpty || last.map({ !$0.lexicographicallyPrecedes(term) }) == true {
                throw SearchError(.damaged, "a segment that was to be merged is damaged")
            }
            postings.removeAll()
            for index in cursors.indices where isOpen[index] && cursors[index].term == term {
                gather(index, cursors[index].entry, &postings)
                isOpen[index] = cursors[index].next()
            }
            postings.write(to: &writer)
            try writer.endTerm(term)
            last = term
        }
    }

    private func gather(_ input: Int, _ entry: TermEntry, _ postings: inout Gathered) {
        let segment = inputs[input].segment
        let decoder = PostingsDecoder(
            segment.postings(entry), count: entry.count, documentCount: segment.documentCount, watch: watch)
        for block in 0..<decoder.blockCount {
            decoder.load(block)
            decoder.loadOccurrences(&postings.block, &postings.blockStarts)
            for index in 0..<min(decoder.length, postings.blockStarts.count - 1) {
                let number = unsafe numbers[input][Int(decoder.documents[index])]
                if number == .max { continue }
                let range = postings.blockStarts[index]..<postings.blockStarts[index + 1]
                postings.documents.append((number, postings.occurrences.count, range.count))
                postings.occurrences += postings.block[range]
            }
        }
    }

    /// The postings of one term, from all inputs.
    private struct Gathered {
        var documents: [(number: UInt32, start: Int, count: Int)] = []
        var occurrences: [Occurrence] = []
        var block: [Occurrence] = []
        var blockStarts: [Int] = []

        mutating func removeAll() {
            documents.removeAll(keepingCapacity: true)
            occurrences.removeAll(keepingCapacity: true)
        }

        mutating func write(to writer: inout SegmentWriter) {
            if zip(documents, documents.dropFirst()).contains(where: { $0.number >= $1.number }) {
                documents.sort { $0.number < $1.number }
            }
            for document in documents {
                writer.add(document.number, occurrences[document.start..<(document.start + document.count)])
            }
        }
    }
}
