import MusicFSCore
import MusicFSSystem

/// Notices that the wall clock was set, and has files read again whose times lie near the jump: a file that was written
/// before it and again after it can look unchanged.
struct ClockWatch: Sendable {
    let log: Logger
    let jumps: Counter
    /// Given the times about which files are to be read again, nanoseconds since the epoch, once these are over.
    let onJump: @Sendable ([ClosedRange<Int64>]) -> Void

    private static let margin: Int64 = 5_000_000_000

    /// A supervised task.
    func run(_ context: TaskContext) throws -> TaskExit {
        var (wall, monotonic) = (Self.wall, monotonicNanoseconds())
        var detector = ClockJumpDetector(wall: wall, monotonic: monotonic)
        var due: [(time: UInt64, ranges: [ClosedRange<Int64>])] = []
        while context.wait(for: Pace.of(.seconds(5))) {
            let (newWall, now) = (Self.wall, monotonicNanoseconds())
            if let jump = detector.observe(wall: newWall, monotonic: now) {
                jumps.increment()
                log.warning("the clock was set", metadata: ["seconds": "\(jump.components.seconds)"])
                // It happened at some time between the two looks.
                let passed = Int64(clamping: now &- monotonic)
                let ranges = [Self.range(wall, wall &+ passed), Self.range(newWall &- passed, newWall)]
                due.append((now &+ UInt64(Self.margin), ranges))
            }
            (wall, monotonic) = (newWall, now)
            // Only when nothing can be written any more that has these times.
            for pending in due where pending.time <= now { onJump(pending.ranges) }
            due.removeAll { $0.time <= now }
        }
        return .stopped
    }

    private static func range(_ from: Int64, _ to: Int64) -> ClosedRange<Int64> {
        let (from, to) = (from.subtractingReportingOverflow(margin), to.addingReportingOverflow(margin))
        let (first, last) = (from.overflow ? Int64.min : from.partialValue, to.overflow ? Int64.max : to.partialValue)
        return first <= last ? first...last : last...first
    }

    /// In a test build the file that `MUSICFS_TEST_CLOCK_SHIFT` names holds by how many seconds the clock is off.
    private static var wall: Int64 {
        #if DEBUG
            if let path = ThisProcess.environment["MUSICFS_TEST_CLOCK_SHIFT"],
                let bytes = try? readFile(FilePath(path), limit: 64),
                let seconds = Int64(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
            {
                return wallClockNanoseconds() &+ seconds &* 1_000_000_000
            }
        #endif
        return wallClockNanoseconds()
    }
}
