import MusicFSCore

/// Which bytes of a file are fetched for its tags: first by its name, then by what the worker lacked.
struct FetchPlan: Sendable {
    enum Step: Hashable, Sendable {
        /// Disjoint ranges that are missing so far, to be fetched at once.
        case fetch([Range<Int64>])
        /// The worker asked for what is there, or lies outside the file.
        case invalid
        /// More bytes than a file may cost, or in too many places.
        case excessive
    }

    /// Bytes. What is asked for in the course of reading is rounded to blocks of this size.
    static let block: Int64 = 64 << 10
    /// Bytes of one request, so that a large need is fetched by several at once, each well within its deadline.
    static let pieceLimit: Int64 = 1 << 20
    /// Bytes between two samples that are fetched along rather than to ask twice.
    static let gapLimit: Int64 = 4 << 10
    /// Bytes that a file may cost: large pictures, and no more.
    static let limit: Int64 = 48 << 20

    let size: Int64
    private(set) var present = RangeTable()
    private var spent: Int64 = 0
    /// What was fetched last in the course of reading.
    private var previous: Range<Int64>?
    private var step = FetchPlan.block

    init(size: Int64) { self.size = size }

    mutating func insert(_ range: Range<Int64>) { present.insert(range) }

    // MARK: The beginning

    /// The head and the tail that a format's reader looks at in nearly every file.
    ///
    /// A media server reads 128 KiB and 16 KiB of each file when it scans, so a head of that size is wanted anyway where
    /// the tags are in it. 64 KiB do where the tags lie behind the audio. The tail holds APE and ID3v1 tags, the chunks
    /// behind the audio, MP4's `moov` or Ogg's last page, which may have 65,307 bytes (RFC 3533, section 6); and where
    /// nothing is behind the audio but ID3v1 perhaps, it is just for that.
    private static func extent(of name: [UInt8], wantsIdentity: Bool) -> (head: Int64, tail: Int64) {
        let small: Int64 = 4 << 10
        switch Names.fileExtension(name) {
        case "flac": return (2 * block, small)
        // An identity hashes the last 64 KiB, since the layout is not known.
        case "wma", "asf": return (2 * block, wantsIdentity ? block : 0)
        case "wav", "aif", "aiff", "aifc", "wv", "ape", "mpc": return (block, block)
        // Formats that cannot be read: that takes no more than their beginning.
        case "dsf", "dff": return (block, small)
        default: return (2 * block, block)
        }
    }

    mutating func start(name: [UInt8], wantsIdentity: Bool) -> [Range<Int64>] {
        let (head, tail) = Self.extent(of: name, wantsIdentity: wantsIdentity)
        // A gap that is smaller than a block is not worth a second request.
        if size <= head + tail + Self.block {
            spent = size
            return size > 0 ? [0..<size] : []
        }
        previous = 0..<head
        spent = head + tail
        return tail > 0 ? [0..<head, (size - tail)..<size] : [0..<head]
    }

    // MARK: What was lacking

    /// What to fetch for these needs. A single one is rounded, since what lies beside it is mostly wanted next; several
    /// are an identity's, which is the last to be asked for, and wanted as they are.
    mutating func step(for needs: [Range<Int64>]) -> Step {
        var wanted = RangeTable()
        for need in needs {
            guard need.lowerBound >= 0, need.upperBound <= size else { return .invalid }
            let missing = present.missing(in: need)
            guard let first = missing.first, let last = missing.last else { continue }
            let isSample = needs.count > 1
            let ranges = isSample ? missing : present.missing(in: rounded(first.lowerBound..<last.upperBound))
            for range in ranges { wanted.insert(range) }
        }
        for (before, after) in zip(wanted.ranges, wanted.ranges.dropFirst()) {
            let gap = before.upperBound..<after.lowerBound
            if gap.count <= Self.gapLimit, present.missing(in: gap) == [gap] { wanted.insert(gap) }
        }
        if wanted.ranges.isEmpty { return .invalid }
        var after = present
        for range in wanted.ranges { after.insert(range) }
        spent += wanted.ranges.reduce(0) { $0 + Int64($1.count) }
        guard spent <= Self.limit, after.ranges.count <= MediaJob.rangeLimit else { return .excessive }
        return .fetch(wanted.ranges.flatMap(Self.pieces))
    }

    /// Whole blocks; more of them the longer a file is read on and on, in either direction, so that a long read takes
    /// few requests.
    private mutating func rounded(_ need: Range<Int64>) -> Range<Int64> {
        var start = need.lowerBound - need.lowerBound % Self.block
        var end = need.upperBound + (Self.block - need.upperBound % Self.block) % Self.block
        let goesOn = previous.map { start >= $0.lowerBound && start - $0.upperBound < Self.block } ?? false
        let goesBack = previous.map { end <= $0.upperBound && $0.lowerBound - end < Self.block } ?? false
        step = goesOn || goesBack ? min(2 * step, Self.pieceLimit) : Self.block
        if goesOn {
            end = max(end, start + step)
        } else if goesBack {
            start = min(start, max(0, end - step))
        }
        let range = start..<min(end, size)
        previous = range
        return range
    }

    private static func pieces(_ range: Range<Int64>) -> [Range<Int64>] {
        stride(from: range.lowerBound, to: range.upperBound, by: Int64.Stride(pieceLimit)).map {
            $0..<min($0 + pieceLimit, range.upperBound)
        }
    }
}
