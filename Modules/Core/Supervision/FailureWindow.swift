/// Counts failures within the last minute: so many of them mean that something is broken, and fewer that something happened.
package struct FailureWindow: Hashable, Sendable {
    /// Failures within a minute after which what fails is given up.
    private static let most = 5
    private static let minute: UInt64 = 60_000_000_000

    private var times: [UInt64] = []

    package init() {}

    /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
    /// - Returns: whether there are too many.
    package mutating func note(at now: UInt64) -> Bool {
        // Threads that noted the time come in any order.
        times.removeAll { now > $0 && now - $0 >= Self.minute }
        times.append(now)
        return times.count >= Self.most
    }

    package mutating func clear() { times = [] }
}
