import Synchronization

/// One piece of work on a lane. Whoever claims it first, the thread that did it or the timer, completes it.
protocol LaneJob: AnyObject, Sendable {
    /// The clock's nanoseconds.
    var deadline: UInt64 { get }
    /// True for exactly one caller.
    func claim() -> Bool
    /// Does the work, and completes it if nobody has.
    func run()
    /// Completes work that the caller has claimed.
    func refuse(_ reason: LaneRefusal)
}

final class LaneWork<T: Sendable, E: Error>: LaneJob {
    let deadline: UInt64
    private let work: @Sendable () throws(E) -> T
    private let completion: @Sendable (Result<T, LaneError<E>>) -> Void
    private let claimed = Atomic(false)

    init(
        deadline: UInt64, work: @escaping @Sendable () throws(E) -> T,
        completion: @escaping @Sendable (Result<T, LaneError<E>>) -> Void
    ) {
        self.deadline = deadline
        self.work = work
        self.completion = completion
    }

    func claim() -> Bool { !claimed.exchange(true, ordering: .acquiringAndReleasing) }

    func run() {
        let result: Result<T, LaneError<E>>
        do throws(E) { result = .success(try work()) } catch { result = .failure(.failed(error)) }
        // A value that comes too late is released here, which closes what it owns.
        if claim() { completion(result) }
    }

    func refuse(_ reason: LaneRefusal) {
        switch reason {
        case .timedOut: completion(.failure(.timedOut))
        case .hung: completion(.failure(.hung))
        case .overloaded: completion(.failure(.overloaded))
        case .closed: completion(.failure(.closed))
        }
    }
}
