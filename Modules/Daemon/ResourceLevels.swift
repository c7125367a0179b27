import MusicFSSystem

/// What is decided by how much of the descriptors and of the memory is in use: a pure state machine.
struct ResourceLevels: Hashable, Sendable {
    enum Level: Int, Comparable, Hashable, Sendable {
        case ample
        /// 80 % and more.
        case scarce
        /// 95 % and more: what can wait is refused.
        case exhausted

        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// One look at the memory.
    struct Memory: Hashable, Sendable {
        var resident: UInt64
        var addressSpace: UInt64 = 0
        /// RLIMIT_AS.
        var addressLimit: UInt64?
        var group = MemoryGroup()

        /// The share in use of whatever limit is nearest; nil where there is none.
        var share: Double? {
            var shares: [Double] = []
            if let limit = group.max, limit > 0 {
                shares.append(Double(max(resident, group.anonymous)) / Double(limit))
            }
            if let limit = addressLimit, limit > 0 { shares.append(Double(addressSpace) / Double(limit)) }
            return shares.max()
        }
    }

    private(set) var descriptors = Level.ample
    /// Whether 80 % of a limit of memory are in use.
    private(set) var isMemoryScarce = false
    /// Whether the caches are to be small.
    private(set) var isMemoryShort = false
    private var quietLooks = 0
    private var highEvents: UInt64?

    /// After so many looks without need the caches may grow again.
    private static let calm = 3

    /// - Returns: whether the level changed.
    mutating func noteDescriptors(_ count: Int, limit: Int) -> Bool {
        let before = descriptors
        let share = Double(count) / Double(max(limit, 1))
        descriptors = share >= 0.95 ? .exhausted : share >= 0.8 ? .scarce : .ample
        return descriptors != before
    }

    mutating func note(_ memory: Memory) {
        isMemoryScarce = (memory.share ?? 0) >= 0.8
        if needsRoom(memory) {
            (isMemoryShort, quietLooks) = (true, 0)
        } else if isMemoryShort {
            quietLooks += 1
            if quietLooks >= Self.calm { isMemoryShort = false }
        }
        highEvents = memory.group.highEvents
    }

    /// The group's own memory counts, not the files that the kernel caches for it: those it drops by itself, and smaller
    /// buffers would not help.
    private func needsRoom(_ memory: Memory) -> Bool {
        if isMemoryScarce || memory.group.stalled >= 10 { return true }
        guard let high = memory.group.high, high > 0 else { return false }
        let share = Double(memory.group.anonymous) / Double(high)
        return share >= 0.9 || share >= 0.5 && highEvents.map { memory.group.highEvents > $0 } ?? false
    }
}
