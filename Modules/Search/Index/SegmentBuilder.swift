import MusicFSSystem

/// Gathers documents in memory until they are written as a segment.
struct SegmentBuilder {
    private var terms = TermTable()
    /// One element per occurrence, in the order of the documents: the term's number, and the document in the upper
    /// 48 bits with the `Occurrence` in the lower 16.
    private var occurrenceTerms: [UInt32] = []
    private var occurrences: [UInt64] = []
    private var ids: [Int64] = []
    private var norms: [UInt8] = []
    private var fieldLengths: [[UInt32]] = Array(repeating: [], count: TextField.count)
    private var numbers: [[Int64]] = Array(repeating: [], count: NumericField.count)
    /// The place of a document's last version; earlier ones are not written.
    private var latest: [Int64: Int] = [:]
    /// Of each field the last value, whose terms are mostly those of the next document's as well.
    private var recent: [(value: String, terms: [(number: UInt32, position: Int)], length: Int)?]

    private static let missing: Int64 = -1

    init() { recent = Array(repeating: nil, count: TextField.count) }

    var count: Int { latest.count }
    var isEmpty: Bool { latest.isEmpty }
    var identifiers: Dictionary<Int64, Int>.Keys { latest.keys }

    /// About what this takes in memory, with what writing it needs.
    var byteCount: Int { occurrences.count * 28 + ids.count * 150 + terms.byteCount }

    mutating func remove(_ id: Int64) { latest[id] = nil }

    mutating func add(_ document: SearchDocument) {
        let place = ids.count
        ids.append(document.id)
        latest[document.id] = place
        var positions = [Int](repeating: 0, count: TextField.count)
        var lengths = [Int](repeating: 0, count: TextField.count)
        for text in document.texts {
            let field = Int(text.field.rawValue)
            let analyzed = analyze(text)
            for word in analyzed.terms {
                let position = positions[field] + word.position
                if position > Occurrence.maximumPosition { break }
                append(word.number, place, Occurrence(field: text.field, position: position))
            }
            lengths[field] += analyzed.length
            // A place is left empty between two values, so that no phrase goes from one to the next.
            positions[field] += analyzed.length + 1
        }
        for field in 0..<TextField.count {
            norms.append(FieldLength.code(lengths[field]))
            fieldLengths[field].append(UInt32(lengths[field]))
        }
        for field in NumericField.allCases {
            numbers[Int(field.rawValue)].append(document.number(field) ?? SegmentBuilder.missing)
        }
        for origin in Set(document.origins) { appendKeyword(Term.keyword(.origin, origin), place) }
        if let format = document.format { appendKeyword(Term.keyword(.format, format), place) }
    }

    private mutating func analyze(
        _ text: SearchDocument.Text
    ) -> (value: String, terms: [(number: UInt32, position: Int)], length: Int) {
        let field = Int(text.field.rawValue)
        if let known = recent[field], known.value == text.value { return known }
        let analyzed = Analyzer.analyze(text.value)
        var words: [(number: UInt32, position: Int)] = []
        words.reserveCapacity(analyzed.words.count)
        for word in analyzed.words { words.append((terms.number(of: analyzed.bytes[word.range]), word.position)) }
        let result = (value: text.value, terms: words, length: analyzed.positions)
        recent[field] = result
        return result
    }

    private mutating func append(_ term: UInt32, _ place: Int, _ occurrence: Occurrence) {
        occurrenceTerms.append(term)
        occurrences.append(UInt64(place) << 16 | UInt64(occurrence.rawValue))
    }

    private static let keywordMark: UInt16 = 0xffff

    private mutating func appendKeyword(_ term: [UInt8], _ place: Int) {
        guard term.count > 1 else { return }
        occurrenceTerms.append(terms.number(of: term[...]))
        occurrences.append(UInt64(place) << 16 | UInt64(SegmentBuilder.keywordMark))
    }

    /// Writes the documents, by their ids.
    /// - Returns: the file's length.
    func write(to path: FilePath) throws(SearchError) -> Int {
        let kept = ids.indices.filter { latest[ids[$0]] == $0 }.sorted { ids[$0] < ids[$1] }
        var numberOf = [UInt32](repeating: .max, count: ids.count)
        var sortedNorms: [UInt8] = []
        sortedNorms.reserveCapacity(kept.count * TextField.count)
        var lengths = [UInt64](repeating: 0, count: TextField.count)
        for (number, place) in kept.enumerated() {
            numberOf[place] = UInt32(number)
            sortedNorms += norms[(place * TextField.count)..<((place + 1) * TextField.count)]
            for field in lengths.indices { lengths[field] += UInt64(fieldLengths[field][place]) }
        }
        var writer = try SegmentWriter.begin(
            path, ids: kept.map { ids[$0] }, norms: sortedNorms, lengths: lengths
        ) { field, index in
            let value = numbers[Int(field.rawValue)][kept[index]]
            return value == SegmentBuilder.missing ? nil : value
        }
        let isInOrder = !zip(kept, kept.dropFirst()).contains { $0 >= $1 }
        let (sorted, starts) = byTerm()
        var words: [Occurrence] = []
        let order = (0..<terms.count).sorted { terms.term($0).lexicographicallyPrecedes(terms.term($1)) }
        for term in order {
            var slice = sorted[starts[term]..<starts[term + 1]]
            if !isInOrder {
                for index in slice.indices {
                    slice[index] = UInt64(numberOf[Int(slice[index] >> 16)]) << 16 | slice[index] & 0xffff
                }
            }
            // Fields may come in any order in a document, and documents in any.
            slice.sort()
            var index = slice.startIndex
            while index < slice.endIndex {
                let place = slice[index] >> 16
                words.removeAll(keepingCapacity: true)
                while index < slice.endIndex, slice[index] >> 16 == place {
                    let occurrence = UInt16(truncatingIfNeeded: slice[index])
                    if occurrence != SegmentBuilder.keywordMark { words.append(Occurrence(rawValue: occurrence)) }
                    index += 1
                }
                let document = isInOrder ? numberOf[Int(place)] : UInt32(place)
                if document != .max { writer.add(document, words[...]) }
            }
            try writer.endTerm(Array(terms.term(term)))
        }
        return try writer.finish()
    }

    /// The occurrences term by term (a counting sort), and where each term's begin.
    private func byTerm() -> (occurrences: [UInt64], starts: [Int]) {
        var starts = [Int](repeating: 0, count: terms.count + 1)
        for term in occurrenceTerms { starts[Int(term) + 1] += 1 }
        for term in 0..<terms.count { starts[term + 1] += starts[term] }
        var next = starts
        var sorted = [UInt64](repeating: 0, count: occurrences.count)
        for (term, occurrence) in zip(occurrenceTerms, occurrences) {
            sorted[next[Int(term)]] = occurrence
            next[Int(term)] += 1
        }
        return (sorted, starts)
    }
}
