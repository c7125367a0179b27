import MusicFSCore
import MusicFSSystem

extension MediaWorkerClient {
    /// What the client thread does next.
    private enum Step {
        case awaitAnswer(Worker, deadline: UInt64)
        case startWorker
        case retire(Worker)
        case end
    }

    /// The body of the client thread.
    func run() {
        var buffer = [UInt8](repeating: 0, count: MediaAnswer.sizeLimit + 1024)
        // Killed, but not yet gone: they hang in the kernel.
        var lingering: [ChildProcess] = []
        while true {
            switch nextStep() {
            case .awaitAnswer(let worker, let deadline):
                if let failure = takeAnswer(of: worker, until: deadline, &buffer) {
                    replace(worker, failure, &lingering)
                }
            case .startWorker: startWorker()
            case .retire(let worker):
                worker.socket.shutdown()
                _ = end(worker, patience: 1_000_000_000, &lingering)
                log.debug("an idle media worker was stopped")
            case .end:
                stop(&lingering)
                return
            }
        }
    }

    private func nextStep() -> Step {
        let idleSince = monotonicNanoseconds()
        let step: Step? = state.wait(until: idleSince &+ idleTimeout) { [jobTimeout] state in
            if state.isStopping { return .end }
            if state.jobs.isEmpty { return nil }
            guard let worker = state.worker else { return .startWorker }
            state.sendUnsent()
            return .awaitAnswer(worker, deadline: state.headSince &+ jobTimeout)
        }
        if let step { return step }
        return state.withLock { state in
            // A job may have come just now.
            guard state.jobs.isEmpty, let worker = state.worker else { return nil }
            state.worker = nil
            return .retire(worker)
        } ?? nextStep()
    }

    /// Why a worker must go.
    private enum Failure {
        case died, timedOut
        case malformed
    }

    /// Takes one answer.
    private func takeAnswer(of worker: Worker, until deadline: UInt64, _ buffer: inout [UInt8]) -> Failure? {
        let count: Int
        do throws(SystemError) {
            guard let received = try receive(from: worker.socket, until: deadline, &buffer) else { return .timedOut }
            count = received
        } catch {
            return .died
        }
        if count == 0 { return .died }
        guard let answer = try? MediaAnswer(decoding: Array(buffer[..<count])) else { return .malformed }
        let job: Job? = state.withLock { state in
            guard let head = state.jobs.first, head.isSent, head.id == answer.id else { return nil }
            state.jobs.removeFirst()
            state.headSince = monotonicNanoseconds()
            return head
        }
        guard let job else { return .malformed }
        switch answer.outcome {
        case .report(let report): job.completion(.success(report))
        case .unreadable(let reason): job.completion(.failure(.unreadable(reason: reason)))
        case .failed(let reason): job.completion(.failure(.unavailable(reason: reason)))
        case .needs(let ranges): job.completion(.failure(.incomplete(ranges)))
        }
        return nil
    }

    /// - Returns: nil when the deadline passed first, 0 when the worker is gone.
    private func receive(
        from socket: PacketSocket, until deadline: UInt64, _ buffer: inout [UInt8]
    ) throws(SystemError) -> Int? {
        while true {
            do throws(SystemError) {
                // Often the next answer is there already, which saves the poll.
                return try socket.receive(into: &buffer, waiting: false).count
            } catch {
                switch error.errno {
                case .again: break
                // A worker died with jobs in its queue. This is told once, before the answers that it still gave.
                case .connectionReset: continue
                default: throw error
                }
            }
            guard try socket.waitUntilReadable(deadline: deadline) else { return nil }
        }
    }

    // MARK: Start and end

    private func startWorker() {
        do throws(SystemError) {
            let (ours, theirs) = try PacketSocket.pair()
            let process = try ChildProcess.start(
                executable, arguments: ["musicfs-media"], environment: [], descriptors: [(from: theirs.raw, to: 3)])
            state.withLock { state in
                state.worker = Worker(process: process, socket: ours)
                state.headSince = monotonicNanoseconds()
                if state.isStopping { ours.shutdown() }
            }
        } catch {
            log.error("a media worker cannot be started", metadata: ["error": .string("\(error)")])
            failAll(.unavailable(reason: "the media worker cannot be started: \(error)"))
        }
    }

    /// Ends a worker that failed. The first job fails, if it was sent; the others go to the next worker.
    private func replace(_ worker: Worker, _ failure: Failure, _ lingering: inout [ChildProcess]) {
        state.withLock { $0.worker = nil }
        // A worker that closed its socket is about to die by itself, and its own end is the one to tell.
        let end = end(worker, patience: failure == .died ? 1_000_000_000 : 0, &lingering)
        // It was told to go, or lost its last word to `stop`: no file is to blame.
        if state.withLock({ $0.isStopping }) { return }
        let error: MediaError
        switch (failure, end) {
        case (.timedOut, _): error = .timedOut
        case (.malformed, _): error = .unavailable(reason: "the media worker broke the protocol")
        case (.died, .signal(let signal)): error = .workerDied(signal: signal)
        case (.died, .code(let status)):
            // It says why on standard error, and the next one would do the same.
            failAll(.unavailable(reason: "the media worker gave up with status \(status); see the log"))
            return
        case (.died, nil): error = .workerDied(signal: Signal.kill)
        }
        let head: Job? = state.withLock { state in
            for index in state.jobs.indices.dropFirst() { state.jobs[index].isSent = false }
            guard let head = state.jobs.first, head.isSent else { return nil }
            state.jobs.removeFirst()
            return head
        }
        log.warning("a media worker is replaced", metadata: ["reason": .string("\(error)")])
        head?.completion(.failure(error))
    }

    /// Waits for the end of a worker, which is killed when it does not come within `patience` (nanoseconds).
    ///
    /// - Returns: nil when not even that helps; it is then asked about again at the end of the next one.
    private func end(_ worker: Worker, patience: UInt64, _ lingering: inout [ChildProcess]) -> ChildProcess.Exit? {
        lingering.removeAll { $0.reap() != nil }
        let now = monotonicNanoseconds()
        if patience > 0, let end = worker.process.wait(until: now &+ patience) { return end }
        worker.process.send(Signal.kill)
        if let end = worker.process.wait(until: monotonicNanoseconds() &+ 2_000_000_000) { return end }
        lingering.append(worker.process)
        return nil
    }

    private func failAll(_ error: MediaError) {
        let jobs = state.withLock { state in
            let jobs = state.jobs
            state.jobs = []
            return jobs
        }
        for job in jobs { job.completion(.failure(error)) }
    }

    private func stop(_ lingering: inout [ChildProcess]) {
        let worker = state.withLock { state in
            let worker = state.worker
            state.worker = nil
            return worker
        }
        if let worker {
            worker.socket.shutdown()
            _ = end(worker, patience: 0, &lingering)
        }
        failAll(.unavailable(reason: "MusicFS is stopping"))
        state.withLock { $0.thread = .ended }
        state.broadcast()
    }
}
