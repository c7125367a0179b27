/// Why work on a lane gave no value.
package enum LaneError<Failure: Error>: Error {
    /// The work ended with an error of its own.
    case failed(Failure)
    /// The deadline passed; the work may still run, and its result will be dropped.
    case timedOut
    /// All threads of the lane are stuck in work whose deadline has passed: its origin does not answer.
    case hung
    /// Too much work waits already.
    case overloaded
    /// The lane was shut down.
    case closed
}

extension LaneError: Sendable where Failure: Sendable {}
extension LaneError: Equatable where Failure: Equatable {}

extension LaneError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .failed(let failure): "\(failure)"
        case .timedOut: "the origin did not answer in time"
        case .hung: "the origin hangs: every request to it that began earlier is still without an answer"
        case .overloaded: "too many requests wait for the origin; try again"
        case .closed: "the origin was closed"
        }
    }
}

/// A lane's own reasons, without the type of the work's failure.
enum LaneRefusal: Hashable, Sendable {
    case timedOut, hung, overloaded, closed
}
