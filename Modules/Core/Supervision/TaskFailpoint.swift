import MusicFSSystem

/// Tasks that a test build can be made to lose, by `MUSICFS_FAILPOINT=KIND:TASK:COUNT`: the first so many runs of the
/// task fail. A release build has none of it.
enum TaskFailpoint: String {
    case throwing = "task-throw"
    case ending = "task-end"
    case hanging = "task-hang"

    struct Failure: Error, CustomStringConvertible {
        var description: String { "a failpoint" }
    }

    /// How this run ends; nil where the task itself is to be run.
    @inline(__always)
    static func exit(of task: String, attempt: Int) throws -> TaskExit? {
        #if DEBUG
            guard let kind = kind(of: task, attempt: attempt) else { return nil }
            switch kind {
            case .throwing: throw Failure()
            case .ending: return .stopped
            case .hanging: while true { _ = pollReadable([], milliseconds: 60_000) }
            }
        #else
            return nil
        #endif
    }

    /// The limit of a task that hangs here, which a test does not wait two minutes for.
    @inline(__always)
    static func beatLimit(of task: String, attempt: Int) -> Duration? {
        #if DEBUG
            return kind(of: task, attempt: attempt) == .hanging ? .seconds(1) : nil
        #else
            return nil
        #endif
    }

    #if DEBUG
        private static func kind(of task: String, attempt: Int) -> TaskFailpoint? {
            guard let named, named.task == task, attempt < named.count else { return nil }
            return named.kind
        }

        private static let named: (kind: TaskFailpoint, task: String, count: Int)? = {
            let parts = (ThisProcess.environment["MUSICFS_FAILPOINT"] ?? "").split(separator: ":").map(String.init)
            guard parts.count == 3, let kind = TaskFailpoint(rawValue: parts[0]), let count = Int(parts[2]) else {
                return nil
            }
            return (kind, parts[1], count)
        }()
    #endif
}
