import Synchronization

/// How a scan is getting on.
package struct ScanState: Hashable, Sendable {
    package enum Phase: String, Hashable, Sendable { case idle, walking, reading, applying, done, failed }

    /// Whether it is under way.
    package var isActive: Bool { [.walking, .reading, .applying].contains(phase) }

    package var origin: String
    /// Grows with each scan of the origin in this process, so that a follower can tell one from the next.
    package var sequence: Int
    package var phase: Phase
    package var filesSeen = 0
    /// How many there were the last time: what the estimate rests on; nil on a first scan.
    package var filesExpected: Int?
    package var filesNew = 0
    package var filesChanged = 0
    package var filesRemoved = 0
    package var filesUnreadable = 0
    /// CLOCK_MONOTONIC, nanoseconds.
    package var started: UInt64
    package var ended: UInt64?
    /// Why removals were held back.
    package var suspect: String?
    package var error: String?

    package init(origin: String, sequence: Int, phase: Phase, started: UInt64) {
        self.origin = origin
        self.sequence = sequence
        self.phase = phase
        self.started = started
    }
}

/// The state of one origin's scans, written by its thread and read by whoever shows progress.
package final class ScanMonitor: Sendable {
    private let state: Mutex<ScanState>

    package init(origin: String) {
        state = Mutex(ScanState(origin: origin, sequence: 0, phase: .idle, started: 0))
    }

    package var snapshot: ScanState { state.withLock { $0 } }

    func update(_ body: (inout ScanState) -> Void) { state.withLock { body(&$0) } }
}
