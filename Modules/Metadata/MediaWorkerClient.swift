import MusicFSCore
import MusicFSSystem

/// One media worker as the server sees it: its queue of jobs, its process, and the thread that takes its answers.
///
/// The first job in the queue is the one that the worker works on, since it answers in order. Whoever brings a job
/// sends it at once; everything else is done by the client thread.
final class MediaWorkerClient: Sendable {
    typealias Completion = @Sendable (Result<MediaReport, MediaError>) -> Void

    struct Job: Sendable {
        let id: UInt64
        let packet: [UInt8]
        /// Kept until the answer: a worker that dies takes its copy along.
        let file: SharedFD
        let completion: Completion
        var isSent = false
    }

    struct Worker: Sendable {
        let process: ChildProcess
        let socket: PacketSocket
    }

    struct State: Sendable {
        enum Thread: Sendable { case none, running, ended }

        var jobs: [Job] = []
        var nextID: UInt64 = 1
        /// When the worker got to the first job; nanoseconds of CLOCK_MONOTONIC.
        var headSince: UInt64 = 0
        var worker: Worker?
        var thread = Thread.none
        var isStopping = false
    }

    let state = Condition(State())
    let number: Int
    let executable: FilePath
    let jobTimeout: UInt64
    let idleTimeout: UInt64
    let log: Logger

    /// The timeouts are in nanoseconds.
    init(number: Int, executable: FilePath, jobTimeout: UInt64, idleTimeout: UInt64, log: Logger) {
        self.number = number
        self.executable = executable
        self.jobTimeout = jobTimeout
        self.idleTimeout = idleTimeout
        self.log = log
    }

    var process: ChildProcess? { state.withLock { $0.worker?.process } }

    func read(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool, present: [Range<Int64>]?,
        completion: @escaping Completion
    ) {
        let file = SharedFD(fd)
        let failure: MediaError? = state.withLock { state in
            if state.isStopping { return .unavailable(reason: "MusicFS is stopping") }
            if state.thread == .none {
                do throws(SystemError) {
                    try startThread("media-\(number)") { [self] in run() }
                    state.thread = .running
                } catch {
                    return .unavailable(reason: "no thread for the media worker: \(error)")
                }
            }
            let id = state.nextID
            state.nextID += 1
            let packet = MediaJob(id: id, name: name, wantsIdentity: wantsIdentity, present: present).encode()
            if state.jobs.isEmpty { state.headSince = monotonicNanoseconds() }
            state.jobs.append(Job(id: id, packet: packet, file: file, completion: completion))
            state.sendUnsent()
            return nil
        }
        if let failure { return completion(.failure(failure)) }
        // Nobody but the client thread and, later, `waitUntilStopped` waits.
        state.signal()
    }

    /// What is under way fails; returns at once.
    func requestStop() {
        state.withLock { state in
            state.isStopping = true
            state.worker?.socket.shutdown()
        }
        state.broadcast()
    }

    /// Returns when all completions have run and the worker is gone.
    func waitUntilStopped() {
        state.wait { state in state.thread == .running ? nil : () }
    }
}

extension MediaWorkerClient.State {
    /// Sends what was not sent, as far as the worker's queue has room. A worker that is gone is noticed when its
    /// answers are awaited.
    mutating func sendUnsent() {
        guard let worker else { return }
        for index in jobs.indices where !jobs[index].isSent {
            do throws(SystemError) {
                try worker.socket.send(jobs[index].packet, descriptor: jobs[index].file.raw, waiting: false)
                jobs[index].isSent = true
            } catch {
                return
            }
        }
    }
}
