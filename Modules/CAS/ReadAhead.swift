/// How far ahead of one reader to fetch: nothing at first, then twice as much with each step that goes on where the last
/// one ended, up to a limit; a seek begins anew. The kernel's own reads come a little out of order.
struct ReadAhead: Hashable, Sendable {
    private let limit: Int64
    /// Where the next read is expected.
    private var position: Int64 = -1
    private var steps = 0
    private(set) var window: Int64 = 0

    private static let tolerance: Int64 = 1 << 20
    private static let first: Int64 = 256 << 10

    init(limit: Int64) { self.limit = limit }

    /// Takes a read into account.
    ///
    /// - Returns: up to where to fetch ahead; nil for not at all.
    mutating func note(_ range: Range<Int64>, size: Int64) -> Int64? {
        let isNext =
            position >= 0 && range.lowerBound <= position + Self.tolerance
            && range.upperBound >= position - 2 * Self.tolerance
        if !isNext {
            (position, steps, window) = (range.upperBound, 0, 0)
            return nil
        }
        if range.upperBound > position {
            position = range.upperBound
            steps += 1
        }
        // A program that looks at a file's head reads about 128 KiB in one or two steps.
        if steps < 2 { return nil }
        window = min(limit, window == 0 ? Self.first : window * 2)
        return window == 0 ? nil : min(size, position + window)
    }
}
