import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

extension Origin {
    /// Whether its calls may hang for long: then they are made on its lane.
    var isFarAway: Bool { (self as? LocalOrigin)?.isRemote ?? true }

    /// Makes a call and waits for its answer; errors that may pass are tried again after 100 ms, 500 ms and 2 s.
    ///
    /// Not for a thread of the lane, nor for one that must not wait.
    func answering<R: Sendable>(
        _ body: @escaping @Sendable (Self, _ deadline: UInt64) throws(OriginError) -> R
    ) throws(OriginError) -> R {
        if !isFarAway { return try body(self, monotonicNanoseconds() &+ timeout.nanoseconds) }
        var pauses: [CInt] = [2000, 500, 100]
        while true {
            do throws(OriginError) {
                return try onLane(body)
            } catch {
                guard error.isWorthRetrying, let pause = pauses.popLast() else { throw error }
                _ = pollReadable([], milliseconds: pause)
            }
        }
    }

    private func onLane<R: Sendable>(
        _ body: @escaping @Sendable (Self, _ deadline: UInt64) throws(OriginError) -> R
    ) throws(OriginError) -> R {
        do throws(LaneError<OriginError>) {
            return try lane.run(deadline: timeout) { [self] () throws(OriginError) -> R in
                try body(self, monotonicNanoseconds() &+ timeout.nanoseconds)
            }
        } catch {
            if case .failed(let failure) = error { throw failure }
            throw OriginError(.unreachable, "\(error)")
        }
    }
}
