package import MusicFSSystem

/// The small thread pool on which one origin's blocking calls run, each with a deadline.
///
/// Lanes are never shared, so an origin that hangs takes no thread that another one needs. A thread whose work
/// passes its deadline is written off until the work ends; when all are, the lane is hung, and work is refused at
/// once until one comes back.
package final class IOLane: Sendable {
    package struct Status: Hashable, Sendable {
        package var threads: Int
        package var busy: Int
        package var writtenOff: Int
        package var queued: Int
        /// Since the lane was made.
        package var timedOut: UInt64
        package var isHung: Bool
    }

    package let name: String
    package let threads: Int
    package let deadline: Duration
    private let core: LaneCore

    /// - Parameters:
    ///   - name: of the origin; its threads are called so.
    ///   - deadline: for work that brings none of its own.
    ///   - queueLimit: how much work may wait for a thread.
    /// - Throws: when a thread cannot be started.
    package init(
        name: String, threads: Int = 4, deadline: Duration, queueLimit: Int = 1024, timer: DeadlineTimer
    ) throws(SystemError) {
        self.name = name
        self.threads = max(1, threads)
        self.deadline = deadline
        let core = LaneCore(threads: self.threads, queueLimit: queueLimit, timer: timer)
        self.core = core
        timer.add(core)
        for index in 0..<self.threads {
            do throws(SystemError) {
                try startThread("lane-\(name)".threadName) { core.work(index) }
            } catch {
                core.close(threadsNotStarted: self.threads - index)
                throw error
            }
        }
    }

    deinit { core.close() }

    /// Runs `work` on one of the lane's threads.
    ///
    /// `completion` is called exactly once: with the work's result on the lane's thread; with `.timedOut` or `.hung`
    /// on the timer's thread; when the work is refused at once, on the calling thread before this returns. It must
    /// not block. The deadline counts from now, waiting for a thread included.
    package func submit<T: Sendable, E: Error>(
        deadline: Duration? = nil, work: @escaping @Sendable () throws(E) -> T,
        completion: @escaping @Sendable (Result<T, LaneError<E>>) -> Void
    ) {
        let limit = core.timer.clock.deadline(after: deadline ?? self.deadline)
        core.submit(LaneWork(deadline: limit, work: work, completion: completion))
    }

    /// Runs `work` on one of the lane's threads and waits for it, at most until the deadline. Not for a thread of
    /// the lane itself.
    package func run<T: Sendable, E: Error>(
        deadline: Duration? = nil, work: @escaping @Sendable () throws(E) -> T
    ) throws(LaneError<E>) -> T {
        let answer = Condition<Result<T, LaneError<E>>?>(nil)
        submit(deadline: deadline, work: work) { result in
            answer.withLock { $0 = result }
            answer.signal()
        }
        return try answer.wait { $0 }.get()
    }

    package var status: Status {
        core.state.withLock { state in
            Status(
                threads: threads, busy: state.busy, writtenOff: state.writtenOff, queued: state.queued,
                timedOut: state.timedOut, isHung: state.isHung)
        }
    }

    /// Refuses new work, and what waits, with `.closed`; work that runs may end or time out as before.
    ///
    /// - Parameter waiting: how long to wait for the threads to end.
    /// - Returns: whether all have ended.
    @discardableResult
    package func shutdown(waiting: Duration = .zero) -> Bool {
        core.close()
        return core.timer.clock.wait(on: core.state, until: core.timer.clock.deadline(after: waiting)) { state in
            state.alive == 0 ? true : nil
        } ?? false
    }
}

/// What the threads of a lane hold on to, so that the lane itself can go.
private final class LaneCore: DeadlineTarget {
    let state: Condition<LaneState>
    let timer: DeadlineTimer

    init(threads: Int, queueLimit: Int, timer: DeadlineTimer) {
        self.timer = timer
        state = Condition(LaneState(threads: threads, queueLimit: queueLimit))
    }

    func submit(_ job: any LaneJob) {
        let (refusal, wakes) = state.withLock { state in (state.enqueue(job), state.idle > 0) }
        if let refusal {
            if job.claim() { job.refuse(refusal) }
            return
        }
        if wakes { state.signal() }
        timer.note(job.deadline)
    }

    /// One thread.
    func work(_ thread: Int) {
        while let job = next(thread) { job.run() }
    }

    private enum Step {
        case job(any LaneJob)
        case end
    }

    /// Waits for the thread's next job; nil when it shall end.
    private func next(_ thread: Int) -> (any LaneJob)? {
        var isBack = false
        var isIdle = false
        let step = state.wait { state -> Step? in
            if !isBack { state.ended(thread: thread) }
            isBack = true
            if isIdle { state.idle -= 1 }
            isIdle = false
            if let job = state.take(thread: thread) { return .job(job) }
            if state.isClosed {
                state.alive -= 1
                return .end
            }
            state.idle += 1
            isIdle = true
            return nil
        }
        if case .job(let job) = step { return job }
        // Somebody may wait for the last thread to end.
        state.broadcast()
        return nil
    }

    func expire(now: UInt64) -> UInt64 {
        let (refusals, next) = state.withLock { $0.expire(now: now) }
        for (job, reason) in refusals { job.refuse(reason) }
        return next
    }

    func close(threadsNotStarted: Int = 0) {
        let waiting = state.withLock { state in
            state.isClosed = true
            state.alive -= threadsNotStarted
            return state.drain()
        }
        state.broadcast()
        for job in waiting { job.refuse(.closed) }
    }
}
