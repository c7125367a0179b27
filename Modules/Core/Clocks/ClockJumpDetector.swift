/// Notices that the wall clock was set: it moved otherwise than the monotonic clock by more than 5 s.
///
/// A suspend looks like a jump, since CLOCK_MONOTONIC stands still in it. That costs its user, the scanner, no more
/// than reading a few files again.
package struct ClockJumpDetector: Sendable {
    package static let tolerance = Duration.seconds(5)

    private var lastWall: Int64
    private var lastMonotonic: UInt64

    /// - Parameters: nanoseconds of both clocks, read together.
    package init(wall: Int64, monotonic: UInt64) {
        lastWall = wall
        lastMonotonic = monotonic
    }

    /// Compares with the observation before.
    ///
    /// - Returns: how far the wall clock jumped, negative for back, or nil when it did not.
    package mutating func observe(wall: Int64, monotonic: UInt64) -> Duration? {
        // The one place where wall-clock times are subtracted, since their difference is what is asked for.
        let moved = Duration.nanoseconds(wall.subtractingReportingOverflow(lastWall).partialValue)
        let passed = Duration.nanoseconds(
            Int64(clamping: monotonic.subtractingReportingOverflow(lastMonotonic).partialValue))
        lastWall = wall
        lastMonotonic = monotonic
        let jump = moved - passed
        return jump > Self.tolerance || jump < .zero - Self.tolerance ? jump : nil
    }
}
