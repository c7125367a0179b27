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
    let policy: RestartPolicy
    private(set) var state = TaskState.running
    private(set) var attempt = 0
    private(set) var reason: String?
    private var startedAt: UInt64

    init(critical: Bool, policy: RestartPolicy, now: UInt64) {
        self.critical = critical
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
        guard critical else { return rest(.failed) }
        if now >= startedAt, now - startedAt >= policy.stableAfter.nanoseconds { attempt = 0 }
        guard attempt < policy.delays.count else { return rest(.failed) }
        let delay = policy.delays[attempt]
        attempt += 1
        state = .restarting
        return .restart(after: delay)
    }

    /// The wait before a restart is over.
    mutating func restarted(now: UInt64) {
        state = .running
        startedAt = now
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
        defer { state = next }
        return state != next
    }

    private mutating func rest(_ end: TaskState) -> Decision {
        state = end
        return .rest
    }
}
