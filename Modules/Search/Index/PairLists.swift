/// Pairs of neighbouring words that are both common in a segment. Each has postings of its own, as a word has, that tell how
/// often each field has the pair, but no places: a phrase of two common words reads one short list in place of two long ones.
///
/// They are made from the words' postings as those are written, so that a merge has them as if the segment had been built
/// at once. Until then these stay in memory, packed, and the pairs then, eight bytes for each time that one is there.
struct PairLists {
    /// How many documents are looked at together.
    private static let documentsAtOnce = 1 << 10

    private let documentCount: Int
    private var words: [(term: [UInt8], count: Int, postings: Range<Int>)] = []
    /// Those of all words, one behind the other.
    private var postings: [UInt8] = []

    struct Place {
        var document: UInt32
        /// The field alone, with 0 for the place in it.
        var occurrence: Occurrence
    }

    init(documents: Int) { documentCount = documents }

    /// Whether a word in so many documents of a segment is common. One whose postings are a single block never is.
    static func isCommon(_ count: Int, of documents: Int) -> Bool {
        count > max(documents / 512, SegmentFormat.postingsPerBlock)
    }

    /// What a pair is called in its dictionary; the length tells where the first word ends.
    static func name(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] { [UInt8(clamping: first.count)] + first + second }

    /// Notes the postings of a term, where it is a common word.
    mutating func add(_ term: [UInt8], count: Int, _ bytes: [UInt8]) {
        // No phrase asks for keywords and exact terms, and no word is longer than that.
        guard PairLists.isCommon(count, of: documentCount), let first = term.first, first > Term.formatMark,
            term.count <= Term.maximumBytes
        else { return }
        words.append((term, count, postings.count..<(postings.count + bytes.count)))
        postings += bytes
    }

    /// All pairs by their names, with where they are, ascending. The words are forgotten then.
    ///
    /// - Throws: `SearchError` with `.damaged` where the postings are none.
    mutating func gather() throws(SearchError) -> [(name: [UInt8], places: [Place])] {
        if words.isEmpty { return [] }
        postings += [UInt8](repeating: 0, count: SegmentFormat.padding)
        let watch = SearchWatch()
        let found = Bytes.reading(postings) { find($0, watch) }
        try watch.check()
        postings = []
        let terms = words.map(\.term)
        words = []
        return found.map { pair, places in
            (PairLists.name(terms[Int(pair >> 32)], terms[Int(pair & 0xffff_ffff)]), places)
        }.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// - Returns: by the numbers of two words, the first in the upper 32 bits.
    private func find(_ source: Bytes, _ watch: SearchWatch) -> [(pair: UInt64, places: [Place])] {
        var readers = words.map { word in
            Reader(
                PostingsDecoder(
                    source.part(word.postings.lowerBound, word.postings.count + SegmentFormat.padding),
                    count: word.count, documentCount: documentCount, watch: watch))
        }
        var numbers: [UInt64: Int] = [:]
        var pairs: [(pair: UInt64, places: [Place])] = []
        // The words of some documents in the order of the text: the document behind the first of them and the occurrence
        // (16 bits each), and the word's number.
        var text: [UInt64] = []
        for start in stride(from: 0, to: documentCount, by: PairLists.documentsAtOnce) {
            text.removeAll(keepingCapacity: true)
            let end = min(start + PairLists.documentsAtOnce, documentCount)
            for word in readers.indices { readers[word].read(start..<end, UInt64(word), &text) }
            text.sort()
            for (first, second) in zip(text, text.dropFirst()) {
                // Behind the last place of a field comes the first one of the next field.
                guard first >> 32 &+ 1 == second >> 32, second >> 32 & UInt64(Occurrence.maximumPosition) != 0
                else { continue }
                let pair = first << 32 | second & 0xffff_ffff
                let field = UInt16(truncatingIfNeeded: first >> 32) & ~UInt16(Occurrence.maximumPosition)
                let place = Place(
                    document: UInt32(start + Int(first >> 48)), occurrence: Occurrence(rawValue: field))
                if let number = numbers[pair] {
                    pairs[number].places.append(place)
                } else {
                    numbers[pair] = pairs.count
                    pairs.append((pair, [place]))
                }
            }
        }
        return pairs
    }

    /// Goes through the occurrences of one word.
    private struct Reader {
        private let decoder: PostingsDecoder
        private var occurrences: [Occurrence] = []
        private var starts: [Int] = []
        private var block = 0
        private var index = 0

        init(_ decoder: PostingsDecoder) { self.decoder = decoder }

        mutating func read(_ documents: Range<Int>, _ word: UInt64, _ text: inout [UInt64]) {
            while block < decoder.blockCount {
                if decoder.block != block {
                    decoder.load(block)
                    decoder.loadOccurrences(&occurrences, &starts)
                }
                while index < min(decoder.length, starts.count - 1) {
                    let document = unsafe Int(decoder.documents[index])
                    if document >= documents.upperBound { return }
                    let behind = UInt64(document - documents.lowerBound) << 48 | word
                    for number in starts[index]..<starts[index + 1] {
                        text.append(behind | UInt64(occurrences[number].rawValue) << 32)
                    }
                    index += 1
                }
                block += 1
                index = 0
            }
        }
    }
}
