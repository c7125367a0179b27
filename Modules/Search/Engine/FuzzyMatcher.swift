/// Finds the terms of a dictionary that are a few typing errors away from a word: the rows of the optimal string
/// alignment distance (Damerau–Levenshtein, in which no place is edited twice), one per byte of the present term.
///
/// It is a walk of a Levenshtein automaton over the sorted terms: terms that share a beginning share its rows, and where
/// no row's number is in reach all terms with that beginning are left out, whole blocks at a time.
struct FuzzyMatcher {
    private let word: [UInt32]
    private let limit: UInt8
    /// By byte of the present term the row behind it; the first is before it. Each has one number more than the word.
    private var rows: [UInt8]
    private let width: Int
    /// By byte: the character that ends there, or 0 inside of one; and where the one before it ended.
    private var characters: [UInt32]
    private var previousEnds: [Int]
    /// By byte: how many characters end there or before.
    private var depths: [Int]
    private static let outOfReach: UInt8 = 200
    /// By byte: the bits of an unfinished character, and how many bytes of it are missing.
    private var pending: [(value: UInt32, missing: Int)]

    /// - Parameter word: folded; of more than `Term.maximumBytes` the rest does not count.
    init(_ word: [UInt8], limit: Int) {
        self.word = String(decoding: word.prefix(Term.maximumBytes), as: UTF8.self).unicodeScalars.map(\.value)
        self.limit = UInt8(min(max(limit, 0), 2))
        width = self.word.count + 1
        rows = [UInt8](repeating: 0, count: width * 257)
        for column in 0..<width { rows[column] = UInt8(min(column, Int(FuzzyMatcher.outOfReach))) }
        characters = [UInt32](repeating: 0, count: 257)
        previousEnds = [Int](repeating: 0, count: 257)
        depths = previousEnds
        pending = Array(repeating: (0, 0), count: 257)
    }

    /// Calls `body` with each term in reach and its distance.
    mutating func forEachMatch(
        _ cursor: DictionaryCursor, watch: SearchWatch,
        _ body: (_ term: [UInt8], _ entry: TermEntry, _ distance: Int) -> Void
    ) {
        var cursor = cursor
        // Words begin behind the marks of exact terms and keywords.
        cursor.seekBlock([Term.formatMark + 1])
        // How many bytes of the last term have rows, and how many of its first bytes nothing in reach begins with.
        var valid = 0
        var dead = Int.max
        while cursor.next(), !watch.isOver(after: 8) {
            // The cursor's term is not kept: a second owner would make it a copy for each term.
            if let first = cursor.term.first, first <= Term.formatMark { continue }
            // At a block's beginning front coding starts anew: what is shared is to be found.
            valid = cursor.isFirstOfBlock ? commonPrefix(cursor.term, lastTerm, valid) : min(valid, cursor.shared)
            if dead <= valid {
                // A block that begins dead: look for the one where that ends.
                if cursor.isFirstOfBlock, let behind = successor(cursor.term, dead) { cursor.seekBlockForward(behind) }
                cursor.skipShared(dead)
                continue
            }
            dead = .max
            let count = cursor.term.count
            // None is that long, unless it is damaged.
            if count > 256 { continue }
            while valid < count {
                let byte = cursor.term[valid]
                lastTerm[valid] = byte
                valid += 1
                if !extend(valid, byte) {
                    dead = valid
                    break
                }
            }
            if dead != .max {
                cursor.skipShared(dead)
            } else if let distance = distance(at: count) {
                body(cursor.term, cursor.entry, distance)
            }
        }
    }

    /// How far a term is from the word; nil where it is out of reach.
    mutating func distance(to term: [UInt8]) -> Int? {
        guard term.count < 256 else { return nil }
        for (index, byte) in term.enumerated() where !extend(index + 1, byte) { return nil }
        return distance(at: term.count)
    }

    /// How far the term with so many bytes is from the word; nil where it is out of reach.
    private func distance(at count: Int) -> Int? {
        // Rows hold numbers near the diagonal alone.
        guard pending[count].missing == 0, abs(depths[count] - word.count) <= Int(limit) else { return nil }
        let distance = rows[count * width + width - 1]
        return distance <= limit ? Int(distance) : nil
    }

    /// The bytes whose rows are there.
    private var lastTerm = [UInt8](repeating: 0, count: 257)

    private func commonPrefix(_ one: [UInt8], _ other: [UInt8], _ limit: Int) -> Int {
        var shared = 0
        let end = min(limit, one.count, other.count)
        while shared < end, one[shared] == other[shared] { shared += 1 }
        return shared
    }

    /// The first term that does not begin with the first bytes of this one.
    private func successor(_ term: [UInt8], _ count: Int) -> [UInt8]? {
        var result = Array(term.prefix(count))
        while let last = result.popLast() {
            if last < 255 { return result + [last + 1] }
        }
        return nil
    }

    /// Makes the row behind byte number `at` (from 1) of the term.
    /// - Returns: whether a term that begins so can be in reach.
    private mutating func extend(_ at: Int, _ byte: UInt8) -> Bool {
        var (value, missing) = pending[at - 1]
        if missing == 0 {
            switch byte {
            case 0..<0x80: value = UInt32(byte)
            case 0xc0..<0xe0: (value, missing) = (UInt32(byte & 0x1f), 1)
            case 0xe0..<0xf0: (value, missing) = (UInt32(byte & 0x0f), 2)
            case 0xf0...0xff: (value, missing) = (UInt32(byte & 0x07), 3)
            // No beginning of a character.
            default: return false
            }
        } else {
            value = value << 6 | UInt32(byte & 0x3f)
            missing -= 1
        }
        pending[at] = (value, missing)
        let from = (at - 1) * width
        let to = at * width
        if missing > 0 {
            // Inside of a character: the row stays, and so does what was before.
            for column in 0..<width { rows[to + column] = rows[from + column] }
            characters[at] = characters[at - 1]
            previousEnds[at] = previousEnds[at - 1]
            depths[at] = depths[at - 1]
            return true
        }
        characters[at] = value
        let before = characters[at - 1]
        // Where the character before ended, and the row before that one.
        let length = value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4
        let end = at - length
        if end < 0 { return false }
        previousEnds[at] = end
        depths[at] = depths[end] + 1
        let twoBefore = end > 0 ? previousEnds[end] * width : -1
        // Numbers that are further than the limit from the diagonal are out of reach.
        let low = max(depths[at] - Int(limit), 1)
        let high = min(depths[at] + Int(limit), width - 1)
        if low > width { return false }
        var least = FuzzyMatcher.outOfReach
        if low == 1 {
            least = rows[from] &+ 1
            rows[to] = least
        } else {
            rows[to + low - 1] = least
        }
        if low > high { return least <= limit }
        for column in low...high {
            let substitution = rows[from + column - 1] &+ (word[column - 1] == value ? 0 : 1)
            var best = min(substitution, min(rows[from + column], rows[to + column - 1]) &+ 1)
            if twoBefore >= 0, column > 1, word[column - 1] == before, word[column - 2] == value {
                best = min(best, rows[twoBefore + column - 2] &+ 1)
            }
            best = min(best, FuzzyMatcher.outOfReach)
            rows[to + column] = best
            least = min(least, best)
        }
        if high < width - 1 { rows[to + high + 1] = FuzzyMatcher.outOfReach }
        // Where no number of a row is in reach none of a later one is: two neighbours exchanged cost one as well.
        return least <= limit
    }
}
