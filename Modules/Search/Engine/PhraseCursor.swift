/// The documents that have some words at the right distances in one field.
final class PhraseCursor: LeapfrogCursor {
    /// At least two, with their places in the phrase.
    private let words: [(cursor: TermCursor, place: Int)]
    /// That with the fewest documents, which leads, and that with the next fewest.
    private let first: TermCursor
    private let second: TermCursor
    private let scorer: Scorer
    private let norms: Bytes
    /// What makes a bound of the leader's one of the phrase's.
    private let leaderFactor: Float
    /// The length of a field that just holds the phrase, as `FieldLength` has it.
    private let shortest: UInt8
    private var occurrences: [[Occurrence]]
    /// How often each field of the present document has the phrase.
    private(set) var counts = [Int](repeating: 0, count: 8)

    init(
        _ words: [(cursor: TermCursor, place: Int)], scorer: Scorer, norms: Bytes, gate: Gate?, watch: SearchWatch
    ) {
        self.words = words
        self.scorer = scorer
        self.norms = norms
        let byCost = words.map(\.cursor).sorted { $0.cost < $1.cost }
        (first, second) = (byCost[0], byCost[1])
        occurrences = words.map { _ in [] }
        let places = words.map(\.place)
        // Greater codes are rounded.
        shortest = UInt8(min(max((places.max() ?? 0) - (places.min() ?? 0) + 1, 0), 200))
        // Where a word has no score of its own there is no bound but the phrase's.
        let own = first.scorer?.maximum ?? 0
        leaderFactor = own > 0 ? scorer.maximum / own * 1.00001 : .greatestFiniteMagnitude
        super.init(byCost, gate: gate, watch: watch)
        settle()
    }

    /// To open a block takes longer than to see what the leader alone tells.
    override func isPossible(_ candidate: UInt32) -> Bool {
        !second.isBehind(candidate) || isPossible(candidate, first.code, repeats: first.code)
    }

    override func accepts(_ candidate: UInt32) -> Bool {
        var common = UInt8.max
        for (cursor, _) in words { common &= cursor.code }
        // A field has the phrase no more often than the word that it has least often.
        return isPossible(candidate, common, repeats: common) && countPhrases()
    }

    /// Whether one of the fields is long enough for the phrase, and the document could be among the best if they have it:
    /// both are known without the places.
    ///
    /// - Parameters:
    ///   - fields: those that may have the phrase.
    ///   - repeats: has `PostingCode.repeats` where they may have it more than once.
    private func isPossible(_ candidate: UInt32, _ fields: UInt8, repeats: UInt8) -> Bool {
        var rest = fields & scorer.mask
        if rest == 0 { return false }
        let lengths = norms.u64(Int(candidate) &* TextField.count)
        var sum: Float = -1
        while rest != 0 {
            let field = rest.trailingZeroBitCount
            rest &= rest - 1
            let length = UInt8(truncatingIfNeeded: lengths >> UInt64(field * 8))
            if length >= shortest { sum = max(sum, 0) + scorer.weight(field, length) }
        }
        if sum < 0 { return false }
        guard let gate, repeats & PostingCode.repeats == 0 else { return true }
        return !gate.isTooLow(scorer.score(weight: sum), candidate)
    }

    /// - Returns: whether the document that all words are at has the phrase.
    private func countPhrases() -> Bool {
        for field in counts.indices { counts[field] = 0 }
        for word in words.indices {
            words[word].cursor.decoder.loadOccurrences(of: words[word].cursor.index, &occurrences[word])
        }
        var isFound = false
        for start in occurrences[0] where scorer.mask & 1 << UInt8(start.field) != 0 {
            // A word that is there a thousand times is looked for a thousand times.
            if watch.isOver(after: words.count) { return false }
            var fits = true
            for word in 1..<words.count where fits {
                let place = start.position + words[word].place - words[0].place
                let wanted = Occurrence(
                    rawValue: UInt16(start.field) << 12 | UInt16(place & Occurrence.maximumPosition))
                fits = place <= Occurrence.maximumPosition && occurrences[word].contains(wanted)
            }
            if fits {
                counts[start.field] += 1
                isFound = true
            }
        }
        return isFound
    }

    override func score() -> Float {
        let lengths = norms.u64(Int(document) &* TextField.count)
        var sum: Float = 0
        for field in 0..<TextField.count where counts[field] > 0 {
            sum += scorer.weight(field, UInt8(truncatingIfNeeded: lengths >> UInt64(field * 8))) * Float(counts[field])
        }
        return scorer.score(weight: sum)
    }

    /// A phrase is in a field no more often than each of its words. That with the fewest documents is asked alone: its
    /// blocks are the longest, and to ask for those of the others takes longer than it saves.
    override func bound(from target: UInt32) -> (maximum: Float, last: UInt32) {
        let (maximum, last) = leader.bound(from: target)
        if maximum < 0 { return (-1, last) }
        // The word's own weight, with the phrase's idf; the little more is for the rounding.
        return (min(scorer.maximum, maximum * leaderFactor), last)
    }

    override var maximum: Float { scorer.maximum }
}
