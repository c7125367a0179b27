/// How much of a file is fetched ahead at a time: what the line brings in a quarter of a second, since that is how long
/// a reader who comes then may have to wait for it.
struct AheadPace: Hashable, Sendable {
    /// Bytes.
    private(set) var piece: Int64 = 256 << 10

    private static let pieces: ClosedRange<Int64> = (128 << 10)...(1 << 20)
    /// Nanoseconds.
    private static let goal: Int64 = 250_000_000
    private static let longest: UInt64 = 60_000_000_000

    /// A fetch of `count` bytes took so long.
    mutating func note(_ count: Int, nanoseconds: UInt64) {
        // What little there was to fetch says nothing of more.
        guard Int64(count) >= piece / 2 else { return }
        let time = max(Int64(min(nanoseconds, Self.longest)) * piece / Int64(count), 1)
        if time > Self.goal {
            piece = max(piece * Self.goal / time, Self.pieces.lowerBound)
        } else if time < Self.goal / 2 {
            piece = min(piece * 2, Self.pieces.upperBound)
        }
    }
}
