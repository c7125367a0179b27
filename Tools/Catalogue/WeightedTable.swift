/// Draws an index with a probability proportional to its weight, in constant time.
///
/// Walker's alias method as M. D. Vose builds it ("A Linear Algorithm For Generating Random Numbers With a Given
/// Distribution", 1991). Only additions and divisions are used, so that every machine builds the same table.
package struct WeightedTable: Sendable {
    private struct Column: Sendable {
        /// Of 2³² draws of this column, how many give its own index.
        var threshold: UInt64
        /// What the others give.
        var alias: Int
    }

    private let columns: [Column]

    package init(weights: [Double]) {
        let total = weights.reduce(0, +)
        var shares = weights.map { $0 * Double(weights.count) / total }
        var columns = weights.indices.map { Column(threshold: 1 << 32, alias: $0) }
        var small = shares.indices.filter { shares[$0] < 1 }
        var large = shares.indices.filter { shares[$0] >= 1 }
        while let below = small.popLast(), let above = large.popLast() {
            columns[below] = Column(threshold: UInt64(shares[below] * 4_294_967_296), alias: above)
            shares[above] -= 1 - shares[below]
            if shares[above] < 1 { small.append(above) } else { large.append(above) }
        }
        self.columns = columns
    }

    /// The distribution in which rank `k` (from 0) is drawn in proportion to 1/(k+1): Zipf's law with exponent 1.
    package static func zipf(_ count: Int) -> WeightedTable {
        WeightedTable(weights: (0..<count).map { 1 / Double($0 + 1) })
    }

    package var count: Int { columns.count }

    /// An index in `0 ..< count`.
    package func draw(_ random: inout SeededRandom) -> Int {
        let bits = random.next()
        let index = Int((bits >> 32).multipliedFullWidth(by: UInt64(columns.count) << 32).high)
        let column = columns[index]
        return bits & 0xffff_ffff < column.threshold ? index : column.alias
    }
}
