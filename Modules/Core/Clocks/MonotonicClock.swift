package import MusicFSSystem

/// A clock for deadlines and durations that never goes back; injected, so that tests can advance it.
package protocol MonotonicClock: Sendable {
    /// Nanoseconds since a fixed moment.
    var now: UInt64 { get }

    /// Waits until `body` gives a value, at most until this clock shows `deadline`.
    ///
    /// - Returns: nil when the deadline passed first.
    func wait<State: Sendable, R>(
        on condition: Condition<State>, until deadline: UInt64, _ body: (inout State) -> R?
    ) -> R?
}

extension MonotonicClock {
    /// What the clock shows after `duration`; the end of time when that does not fit.
    package func deadline(after duration: Duration) -> UInt64 {
        let (sum, overflow) = now.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .max : sum
    }
}

/// CLOCK_MONOTONIC.
package struct SystemClock: MonotonicClock {
    package init() {}

    package var now: UInt64 { monotonicNanoseconds() }

    package func wait<State: Sendable, R>(
        on condition: Condition<State>, until deadline: UInt64, _ body: (inout State) -> R?
    ) -> R? {
        condition.wait(until: deadline, body)
    }
}

extension Duration {
    /// Whole nanoseconds; 0 for what is negative, the largest number for what does not fit.
    package var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return overflow || overflow2 ? .max : sum
    }
}
