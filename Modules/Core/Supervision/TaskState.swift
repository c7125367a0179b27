/// How a task fares. The raw value is the word in status.
package enum TaskState: String, CaseIterable, Hashable, Sendable {
    case running
    /// Running, without a sign of life for longer than its limit.
    case stuck
    /// Ended before its time, and is about to be started again.
    case restarting
    /// Ended before its time, for good.
    case failed
    /// Did what it had to, or was cancelled.
    case finished
}

/// How the body of a task ended without an error.
package enum TaskExit: Hashable, Sendable {
    /// The task's work is done.
    case finished
    /// A task without an end left its loop: right after it was cancelled, too early otherwise.
    case stopped
}

/// One task as status shows it.
package struct TaskStatus: Hashable, Sendable {
    package let name: String
    package let critical: Bool
    package let state: TaskState
    /// How many times it was restarted since it last ran well.
    package let attempt: Int
    /// When it came into this state: nanoseconds since 1970.
    package let since: Int64
    /// Why it ended the last time, when that was too early.
    package let reason: String?
}

/// When tasks that ended too early are started again.
package struct RestartPolicy: Hashable, Sendable {
    /// The waits before the restarts; there are as many restarts as waits.
    package var delays: [Duration] = [.zero, .seconds(1), .seconds(5), .seconds(30), .seconds(30)]
    /// A task that ran this long begins anew with the first wait.
    package var stableAfter = Duration.seconds(300)

    package init() {}
}
