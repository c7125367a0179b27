/// What happens to one task, as decisions without effects; times are the clock's nanoseconds.
struct TaskMachine: Hashable, Sendable {
    enum Ending: Hashable, Sendable {
        case exited(TaskExit)
        case threw(String)
    }

    enum Decision: Hashable, Sendable {
        case rest
        case restart(after: Duration)
    }

    let critical: Bool
    let restarts: Bool
    let policy: RestartPolicy
    private(set) var state = TaskState.running
    private(set) var attempt = 0
    private(set) var reason: String?
    private var startedAt: UInt64

    init(critical: Bool, restarts: Bool, policy: RestartPolicy, now: UInt64) {
        self.critical = critical
        self.restarts = restarts
        self.policy = policy
        startedAt = now
    }

    /// The body ended. After a cancellation every end is right.
    mutating func ended(_ ending: Ending, cancelled: Bool, now: UInt64) -> Decision {
        switch ending {
        case .exited(.finished): return rest(.finished)
        case .exited(.stopped) where cancelled, .threw where cancelled: return rest(.finished)
        case .exited(.stopped): reason = "ended early"
        case .threw(let error): reason = error
        }
        guard restarts, let delay = nextDelay(now) else { return rest(.failed) }
        return .restart(after: delay)
    }

    /// A task that is stuck is to be given up for another in its place, unless it was replaced too often.
    mutating func givenUp(now: UInt64) -> Decision {
        guard restarts, state == .stuck, let delay = nextDelay(now) else { return .rest }
        return .restart(after: delay)
    }

    /// One that failed for good is started anew, since what it needs is back.
    mutating func revived(now: UInt64) -> Bool {
        guard state == .failed else { return false }
        attempt = 0
        restarted(now: now)
        return true
    }

    private mutating func nextDelay(_ now: UInt64) -> Duration? {
        if now >= startedAt, now - startedAt >= policy.stableAfter.nanoseconds { attempt = 0 }
        guard attempt < policy.delays.count else { return nil }
        defer { attempt += 1 }
        state = .restarting
        return policy.delays[attempt]
    }

    /// The wait before a restart is over.
    mutating func restarted(now: UInt64) {
        state = .running
        startedAt = now
    }

    /// There is no thread for the restart.
    mutating func refused(_ error: String) {
        reason = error
        state = .failed
    }

    /// The task was cancelled while it waited for its restart.
    mutating func cancelledBeforeRestart() { state = .finished }

    /// Compares the last beat with the limit.
    ///
    /// - Parameter lastBeat: nil while the task waits in a way that cannot get stuck.
    /// - Returns: whether the state changed.
    mutating func checked(lastBeat: UInt64?, limit: Duration, now: UInt64) -> Bool {
        guard state == .running || state == .stuck else { return false }
        let silent = lastBeat.map { now > $0 && now - $0 > limit.nanoseconds } ?? false
        let next: TaskState = silent ? .stuck : .running
        if silent { reason = "no sign of life for \(limit.components.seconds) s" }
        defer { state = next }
        return state != next
    }

    private mutating func rest(_ end: TaskState) -> Decision {
        state = end
        return .rest
    }
}
