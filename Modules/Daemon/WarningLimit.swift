import MusicFSCore
import MusicFSSystem
import Synchronization

/// Lets one warning pass a minute, and counts the others.
final class WarningLimit: Sendable {
    private struct State {
        var next: UInt64 = 0
        var suppressed = 0
    }

    private let state = Mutex(State())

    /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
    /// - Returns: how many were suppressed since the last that passed; nil when this one is.
    func pass(now: UInt64) -> Int? {
        state.withLock { state in
            guard now >= state.next else {
                state.suppressed += 1
                return nil
            }
            defer { state.suppressed = 0 }
            state.next = now &+ Pace.of(.seconds(60)).nanoseconds
            return state.suppressed
        }
    }
}
