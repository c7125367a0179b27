/// What a lane decides, without effects: which thread does what, what waits, and who is written off.
struct LaneState: Sendable {
    private struct Thread: Sendable {
        var job: (any LaneJob)?
        /// The deadline of its work has passed, and the work has not ended.
        var writtenOff = false
    }

    private let queueLimit: Int
    private var threads: [Thread]
    private var queue: [any LaneJob] = []
    /// Where the queue begins in its array; what is before has gone.
    private var head = 0
    private(set) var writtenOff = 0
    private(set) var timedOut: UInt64 = 0
    /// Threads that wait for work.
    var idle = 0
    /// Threads that have not ended.
    var alive: Int
    var isClosed = false

    init(threads: Int, queueLimit: Int) {
        self.threads = Array(repeating: Thread(), count: threads)
        self.queueLimit = queueLimit
        alive = threads
    }

    var isHung: Bool { writtenOff == threads.count }
    var queued: Int { queue.count - head }
    var busy: Int { threads.count { $0.job != nil } }

    /// Takes the job, or tells why not.
    mutating func enqueue(_ job: any LaneJob) -> LaneRefusal? {
        if isClosed { return .closed }
        if isHung { return .hung }
        if queued >= queueLimit { return .overloaded }
        queue.append(job)
        return nil
    }

    /// The thread's work has ended. One that was written off is back.
    mutating func ended(thread: Int) {
        if threads[thread].writtenOff { writtenOff -= 1 }
        threads[thread] = Thread()
    }

    /// The next job, for the thread.
    mutating func take(thread: Int) -> (any LaneJob)? {
        guard head < queue.count else { return nil }
        let job = queue[head]
        head += 1
        if head == queue.count {
            queue.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= queue.count {
            queue.removeFirst(head)
            head = 0
        }
        threads[thread].job = job
        return job
    }

    /// Takes all that waits, claimed, for refusing.
    mutating func drain() -> [any LaneJob] {
        defer {
            queue = []
            head = 0
        }
        return queue[head...].filter { $0.claim() }
    }

    /// Claims what is past its deadline, and writes off the threads that are at it.
    ///
    /// - Returns: the jobs to refuse and why, and the next deadline (`.max` for none).
    mutating func expire(now: UInt64) -> (refusals: [(any LaneJob, LaneRefusal)], next: UInt64) {
        var refusals: [(any LaneJob, LaneRefusal)] = []
        var next = UInt64.max
        for index in threads.indices where !threads[index].writtenOff {
            guard let job = threads[index].job else { continue }
            if job.deadline > now {
                next = min(next, job.deadline)
            } else if job.claim() {
                threads[index].writtenOff = true
                writtenOff += 1
                refusals.append((job, .timedOut))
            }
        }
        if queue[head...].contains(where: { $0.deadline <= now }) {
            let late = queue[head...].filter { $0.deadline <= now }
            queue = queue[head...].filter { $0.deadline > now }
            head = 0
            for job in late where job.claim() { refusals.append((job, .timedOut)) }
        }
        timedOut += UInt64(refusals.count)
        if isHung { refusals += drain().map { ($0, .hung) } }
        for job in queue[head...] { next = min(next, job.deadline) }
        return (refusals, next)
    }
}
