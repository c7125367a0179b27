/// How far ahead of one reader to fetch, and in what pieces: nothing at first, then twice as far with each step that goes
/// on where the last one ended; a seek begins anew. The kernel's own reads come a little out of order.
///
/// A reader that keeps pace with the line is given `limit`. One that has read that much, and has to wait although as much
/// is under way, is faster than the line's round trips allow, and is given up to eight times as much. Pieces are as large
/// as the line brings in a fraction of a second: small ones waste its round trips where it is far, large ones come too late
/// where it is slow.
struct ReadAhead: Hashable, Sendable {
    private let limit: Int64
    /// Where the next read is expected.
    private var position: Int64 = -1
    /// Up to where was asked for.
    private var end: Int64 = 0
    private var steps = 0
    /// Where the reader began to read on.
    private var start: Int64 = 0
    private var isOutrun = false
    private(set) var window: Int64 = 0
    /// The largest single fetch.
    private(set) var piece: Int64

    private static let tolerance: Int64 = 1 << 20
    private static let first: Int64 = 512 << 10
    private static let pieces: ClosedRange<Int64> = (256 << 10)...(16 << 20)
    /// Where memory is short so much is asked for at a time.
    private static let least: Int64 = 2 << 20
    /// What is on the disk is read ahead by so much at most: it is there at once.
    static let near: Int64 = 4 << 20

    /// - Parameter piece: the largest single fetch, as others have found out for the line; nil where nobody knows.
    init(limit: Int64, piece: Int64? = nil) {
        self.limit = limit
        self.piece = piece ?? Self.first
    }

    /// Takes a read into account.
    mutating func note(_ range: Range<Int64>) {
        let isNext =
            position >= 0 && range.lowerBound <= position + Self.tolerance
            && range.upperBound >= position - 2 * Self.tolerance
        if !isNext {
            (start, position, end, steps, window, isOutrun) = (range.lowerBound, range.upperBound, 0, 0, 0, false)
            return
        }
        if range.upperBound > position {
            position = range.upperBound
            steps += 1
        }
    }

    /// What to fetch beside the reads so far; nil for nothing yet.
    ///
    /// - Parameter room: bytes that there is memory for; the rest is asked for later.
    mutating func next(size: Int64, room: Int64 = .max) -> Range<Int64>? {
        // A program that looks at a file's head reads about 128 KiB in one or two steps.
        if steps < 2 || limit == 0 { return nil }
        let most = min(isOutrun ? 8 * limit : limit, 8 * piece)
        if window == 0 { window = min(most, Self.first) }
        let begin = max(end, position)
        let wanted = min(size, position + window)
        let goal = begin + min(wanted - begin, max(room, 0))
        // In small steps each read would be a fetch of its own.
        let enough = goal < wanted ? min(piece, Self.least) : min(piece, window / 2)
        guard goal > begin, goal == size || goal - begin >= enough else { return nil }
        window = min(most, window * 2)
        end = goal
        return begin..<goal
    }

    /// The reader waits for something that was asked for.
    mutating func noteWait() { if window >= limit, position - start >= limit { isOutrun = true } }

    /// What begins here was not fetched after all.
    mutating func retreat(to offset: Int64) { end = min(end, offset) }

    /// All of what was asked for is on the disk.
    mutating func noteNear() { window = min(window, Self.near) }

    /// A fetch of `count` bytes took so long.
    mutating func noteFetch(_ count: Int, nanoseconds: UInt64) {
        if nanoseconds > 500_000_000 {
            let second = Int64(Double(count) * 1e9 / Double(nanoseconds))
            piece = max(min(piece, second), Self.pieces.lowerBound)
        }
        guard Int64(count) >= piece / 2 else { return }
        // What takes no longer than a round trip may be much larger at once: each step is a round trip.
        if nanoseconds < 200_000_000 {
            piece = min(piece * (nanoseconds < 100_000_000 ? 4 : 2), Self.pieces.upperBound)
        }
    }

    /// A fetch failed: what the line was good for it may not be any more.
    mutating func noteFailure() { piece = min(piece, Self.first) }
}
