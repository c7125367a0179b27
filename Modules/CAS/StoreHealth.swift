import MusicFSCore
import MusicFSSystem

/// Whether the cache's disk is to be used: five errors in a minute switch it off, a probe every minute switches it on
/// again. A pure state machine; times are nanoseconds of CLOCK_MONOTONIC.
struct StoreHealth: Hashable, Sendable {
    private var failures = FailureWindow()
    private(set) var isOff = false
    private(set) var lastError: String?
    /// Whether the index is not what was written, and is to be made anew.
    var isIndexDamaged = false
    private var nextProbe: UInt64 = 0
    private var lastTold: [String: UInt64] = [:]

    private static let minute: UInt64 = 60_000_000_000
    private static let pause = Pace.of(.seconds(60)).nanoseconds

    /// - Returns: whether the error is to be logged (each kind once a minute), and whether the store goes off now.
    mutating func note(_ error: String, at now: UInt64) -> (isNews: Bool, goesOff: Bool) {
        lastError = error
        let isBroken = failures.note(at: now)
        let isNews = lastTold[error].map { now - $0 >= Self.minute } ?? true
        if isNews { lastTold = lastTold.filter { now - $0.value < Self.minute } }
        if isNews { lastTold[error] = now }
        guard !isOff, isBroken else { return (isNews, false) }
        isOff = true
        nextProbe = now + Self.pause
        return (isNews, true)
    }

    /// Whether it is time to try the disk again.
    mutating func isProbeDue(at now: UInt64) -> Bool {
        guard isOff, now >= nextProbe else { return false }
        nextProbe = now + Self.pause
        return true
    }

    mutating func recovered() {
        isOff = false
        failures.clear()
        lastError = nil
    }
}

/// How full the file system is that the cache lies on: above 90 % the cache makes room, above 95 % nothing is fetched
/// ahead, above 99 % nothing is stored (resilience 2.8). Inodes count like bytes.
enum DiskPressure: Int, Comparable, Sendable {
    case none = 0, evict, noPrefetch, noWrites

    init(_ status: FileSystemStatus) {
        func share(_ all: UInt64, _ free: UInt64) -> Double { all == 0 ? 0 : 1 - Double(min(free, all)) / Double(all) }
        let used = max(
            share(status.blocks, status.availableBlocks), share(status.inodes, status.availableInodes))
        self = used >= 0.99 ? .noWrites : used >= 0.95 ? .noPrefetch : used >= 0.90 ? .evict : .none
    }

    static func < (left: DiskPressure, right: DiskPressure) -> Bool { left.rawValue < right.rawValue }
}
