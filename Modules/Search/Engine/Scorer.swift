/// How much a word counts in a field of a length, for some fields.
///
/// An unsafe pointer: the table is read for each posting. It has 256 places for each of eight fields, and a field's
/// number and a length's code are within those.
@safe final class ScoreTable: Sendable {
    /// The fields that count.
    let mask: UInt8
    // Written in `init` alone.
    private nonisolated(unsafe) let weights: UnsafeMutablePointer<Float>

    init(mask: UInt8, weights: SIMD8<Float>, averages: [Float]) {
        self.mask = mask
        unsafe self.weights = .allocate(capacity: 8 * 256)
        unsafe self.weights.initialize(repeating: 0, count: 8 * 256)
        for field in 0..<TextField.count where mask & 1 << UInt8(field) != 0 {
            let average = max(averages[field], 1e-3)
            for code in 0..<256 {
                let length = Float(FieldLength.words(UInt8(code)))
                let share = 1 - Ranking.b + Ranking.b * length / average
                unsafe self.weights[field << 8 | code] = weights[field] / share
            }
        }
    }

    deinit { unsafe weights.deallocate() }

    @inline(__always) func weight(_ field: Int, _ length: UInt8) -> Float {
        unsafe weights[(field & 7) << 8 | Int(length)]
    }
}

/// Scores one word in the documents of all segments.
final class Scorer {
    /// `idf · (k1 + 1)`: above every score.
    let maximum: Float
    /// The fields that count.
    let mask: UInt8
    private let table: ScoreTable

    init(idf: Float, table: ScoreTable) {
        maximum = idf * (Ranking.k1 + 1)
        mask = table.mask
        self.table = table
    }

    /// The word's idf, lowered where it is not the query's own.
    var rarity: Float { maximum / (Ranking.k1 + 1) }

    /// What a field adds to the weight for each time that it has the word.
    @inline(__always) func weight(_ field: Int, _ length: UInt8) -> Float {
        table.weight(field, length)
    }

    @inline(__always) func score(weight: Float) -> Float { maximum * (weight / (Ranking.k1 + weight)) }

    /// The score of a posting whose fields have the word once each.
    @inline(__always) func score(_ code: UInt8, _ norms: UInt64) -> Float {
        var rest = code & mask
        var sum: Float = 0
        while rest != 0 {
            let field = rest.trailingZeroBitCount
            rest &= rest - 1
            sum += weight(field, UInt8(truncatingIfNeeded: norms >> UInt64(field * 8)))
        }
        return score(weight: sum)
    }

    /// The score of any posting; its frequencies are at `at` in `source`, one for each field of the code.
    func score(_ code: UInt8, _ norms: UInt64, _ source: Bytes, _ at: Int) -> Float {
        var rest = code & PostingCode.fields
        var sum: Float = 0
        var at = at
        while rest != 0 {
            let field = rest.trailingZeroBitCount
            rest &= rest - 1
            let length = UInt8(truncatingIfNeeded: norms >> UInt64(field * 8))
            if mask & 1 << UInt8(field) != 0 { sum += weight(field, length) * Float(source.u8(at)) }
            at &+= 1
        }
        return score(weight: sum)
    }

    /// The greatest score of what `ScoreBounds` wrote at `offset`; negative where no field of the mask has the word.
    func bound(_ source: Bytes, _ offset: Int) -> Float {
        var at = offset + 1
        var best: Float = -1
        for _ in 0..<min(source.u8(offset), UInt8(ScoreBounds.capacity)) {
            var rest = source.u8(at) & PostingCode.fields
            at &+= 1
            var sum: Float = 0
            var counts = false
            while rest != 0 {
                let field = rest.trailingZeroBitCount
                rest &= rest - 1
                if mask & 1 << UInt8(field) != 0 {
                    counts = true
                    sum += weight(field, source.u8(at &+ 1)) * Float(source.u8(at))
                }
                at &+= 2
            }
            if counts { best = max(best, score(weight: sum)) }
        }
        return best
    }
}
