import MusicFSCore
import MusicFSSystem
import Synchronization

/// One read from the replicas of a version: tries, retries, and the next replica beside one that is slow.
final class RangeFetch: Sendable {
    private let source: FederatedSource
    /// Adjacent, at least one.
    private let parts: [Range<Int64>]
    private let deadline: UInt64
    /// Positions in the source's replicas, in the order in which they are asked.
    private let order: [Int]
    private let state: Mutex<State>

    typealias Completion = @Sendable (_ part: Int, Result<ContentBytes, ContentError>) -> Void

    private struct State {
        /// nil once all parts are answered.
        var completion: Completion?
        /// How many parts have come: they do so in their order, whoever brings them.
        var landed = 0
        /// When the last one did (nanoseconds of CLOCK_MONOTONIC); 0 before.
        var lastLanding: UInt64 = 0
        /// How many of `order` have been asked at all.
        var begun = 0
        var tries: [Int: Int] = [:]
        /// Tries that are under way or wait for their time.
        var pending = 0
        var failure: ContentError?
    }

    init(
        _ source: FederatedSource, _ parts: [Range<Int64>], _ completion: @escaping Completion
    ) {
        self.source = source
        self.parts = parts
        order = source.order
        let isLocal = source.replicas.allSatisfy(\.isLocal)
        let budget = isLocal ? source.settings.localBudget : source.settings.budget
        deadline = monotonicNanoseconds() &+ budget.nanoseconds
        state = Mutex(State(completion: completion))
    }

    func start() {
        if !beginNext() { fail(.unreachable) }
    }

    /// Asks the next replica that has not been asked; false when there is none.
    @discardableResult
    private func beginNext() -> Bool {
        let index = state.withLock { state -> Int? in
            guard state.completion != nil, state.begun < order.count else { return nil }
            state.begun += 1
            state.pending += 1
            return order[state.begun - 1]
        }
        guard let index else { return false }
        attempt(index)
        hedge(at: monotonicNanoseconds() &+ source.settings.hedge.nanoseconds)
        return true
    }

    /// Asks the next replica once nothing has come for a while.
    ///
    /// - Parameter due: when that is, if nothing comes until then (nanoseconds of CLOCK_MONOTONIC).
    private func hedge(at due: UInt64) {
        let now = monotonicNanoseconds()
        source.scheduler.after(.nanoseconds(due > now ? Int64(clamping: due - now) : 0)) { [weak self] in
            guard let self else { return }
            let next = state.withLock { $0.lastLanding } &+ source.settings.hedge.nanoseconds
            if next <= due { beginNext() } else { hedge(at: next) }
        }
    }

    private func attempt(_ index: Int) {
        let replica = source.replicas[index]
        let origin = replica.origin
        let begin = monotonicNanoseconds()
        guard begin < deadline else { return failed(index, OriginError(.unreachable, "no time is left")) }
        let limit = min(deadline, begin &+ origin.timeout.nanoseconds)
        origin.lane.submit(deadline: .nanoseconds(Int64(clamping: limit - begin))) {
            [self] () throws(OriginError) -> Int in
            try read(replica, deadline: limit)
        } completion: { [self] result in
            let latency = monotonicNanoseconds() - begin
            switch result {
            case .success(let count):
                source.routing.note(origin: origin.id, error: nil, bytes: count, latency: latency)
            case .failure(.failed(let error)):
                source.routing.note(origin: origin.id, error: error, bytes: 0, latency: latency)
                failed(index, error)
            case .failure(let refusal):
                let error = OriginError(.unreachable, "\(refusal)")
                source.routing.note(origin: origin.id, error: error, bytes: 0, latency: latency)
                failed(index, error)
            }
        }
    }

    /// Reads what has not come yet, on the origin's lane.
    ///
    /// - Returns: how many bytes that was.
    private func read(_ replica: ReplicaLocation, deadline: UInt64) throws(OriginError) -> Int {
        let first = state.withLock { $0.landed }
        guard first < parts.count else { return 0 }
        let start = parts[first].lowerBound
        var memory = parts[first...].map { part -> ContentBytes? in
            source.memory.take(part.count)
        }
        let buffers = unsafe ReadBuffers(memory.compactMap { unsafe $0?.buffer }) { [self] number in
            // Whoever gets it may let it go before the rest has come.
            guard let bytes = memory[number] else { return }
            memory[number] = nil
            land(first + number, bytes, replica)
        }
        try replica.bandwidth.wait(buffers.count, deadline: deadline)
        try replica.origin.read(replica.path, replica.stamp, at: start, into: buffers, deadline: deadline)
        return buffers.count
    }

    /// Answers a part, unless another try has brought it.
    private func land(_ part: Int, _ bytes: ContentBytes, _ replica: ReplicaLocation) {
        let completion = state.withLock { state -> Completion? in
            guard part == state.landed, let completion = state.completion else { return nil }
            state.landed += 1
            state.lastLanding = monotonicNanoseconds()
            if state.landed == parts.count { state.completion = nil }
            return completion
        }
        guard let completion else { return }
        source.served(by: replica.origin.id)
        completion(part, .success(bytes))
    }

    private enum Next {
        case retry(Duration)
        case other
        case end(ContentError)
        case nothing
    }

    private func failed(_ index: Int, _ error: OriginError) {
        let replica = source.replicas[index]
        if error.code == .notFound || error.code == .changed {
            source.routing.noteStale(origin: replica.origin.id, path: replica.path)
        }
        let next = state.withLock { state -> [Next] in
            state.pending -= 1
            guard state.completion != nil else { return [.nothing] }
            var steps: [Next] = []
            let tries = state.tries[index, default: 0]
            if error.isWorthRetrying, tries < source.settings.retries.count {
                let pause = source.settings.retries[tries]
                if monotonicNanoseconds() &+ pause.nanoseconds < deadline {
                    state.tries[index] = tries + 1
                    state.pending += 1
                    steps.append(.retry(pause))
                }
            }
            // What an origin says of the file outweighs that another one could not be asked.
            let failure = RangeFetch.failure(error)
            if state.failure == nil || failure != .unreachable { state.failure = failure }
            if state.begun < order.count {
                steps.append(.other)
            } else if state.pending == 0 {
                steps.append(.end(state.failure ?? .unreachable))
            }
            return steps
        }
        for step in next {
            switch step {
            case .retry(let pause): source.scheduler.after(pause) { [self] in attempt(index) }
            case .other: beginNext()
            case .end(let failure): fail(failure)
            case .nothing: break
            }
        }
    }

    private static func failure(_ error: OriginError) -> ContentError {
        switch error.code {
        case .notFound, .changed: .changed
        case .permission: .failed(.access)
        case .transient, .unreachable, .nameResolution: .unreachable
        case .invalid: .failed(.io)
        }
    }

    /// Answers what has not come.
    private func fail(_ error: ContentError) {
        let (completion, landed) = state.withLock { state in
            defer { state.completion = nil }
            return (state.completion, state.landed)
        }
        for part in landed..<parts.count { completion?(part, .failure(error)) }
    }
}
