import MusicFSCache
import MusicFSSystem
import Synchronization

/// Requests that cannot be answered rightly while the library is being built anew: for names and listings that it does
/// not have, or not whole, yet. A program that was told that a file is gone would forget it.
///
/// They are tried again and again on a thread of its own, and get EIO after ten seconds.
final class Waiting: Sendable {
    typealias Attempt = @Sendable (consuming Request, LoopThread) -> Void

    private struct Entry: Sendable {
        var request: DeferredRequest
        /// Nanoseconds of the monotonic clock.
        var deadline: UInt64
        var attempt: Attempt
    }

    private static let patience: UInt64 = 10_000_000_000
    private let entries = Condition<[Entry]>([])

    /// Answers a request later, by the same means; or with an error, where that has been tried for long enough.
    ///
    /// - Parameter thread: the one that the request is on.
    func add(_ request: consuming Request, _ thread: LoopThread, _ attempt: @escaping Attempt) {
        let now = monotonicNanoseconds()
        let deadline = thread.deadline ?? now + Self.patience
        guard now < deadline else { return request.reply(.io) }
        let entry = Entry(request: request.deferred(thread), deadline: deadline, attempt: attempt)
        entries.withLock { $0.append(entry) }
        entries.signal()
    }

    /// Goes on as long as the process; on a thread of its own.
    func run(_ thread: LoopThread) -> Never {
        while true {
            let batch = entries.wait { waiting -> [Entry]? in
                defer { waiting = [] }
                return waiting.isEmpty ? nil : waiting
            }
            for entry in batch {
                guard let request = entry.request.take(isAnswered: false) else { continue }
                thread.deadline = entry.deadline
                thread.isDeferred = false
                entry.attempt(request, thread)
                if !thread.isDeferred { entry.request.noteAnswer() }
            }
            // What is not there yet will not be there within less.
            _ = pollReadable([], milliseconds: 50)
        }
    }
}
