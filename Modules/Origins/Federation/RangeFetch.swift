import MusicFSCore
import MusicFSSystem
import Synchronization

/// One read from the replicas of a version: tries, retries, and the next replica beside one that is slow.
final class RangeFetch: Sendable {
    private let source: FederatedSource
    private let range: Range<Int64>
    private let deadline: UInt64
    /// Positions in the source's replicas, in the order in which they are asked.
    private let order: [Int]
    private let state: Mutex<State>

    private struct State {
        var completion: (@Sendable (Result<ContentBytes, ContentError>) -> Void)?
        /// How many of `order` have been asked at all.
        var begun = 0
        var tries: [Int: Int] = [:]
        /// Tries that are under way or wait for their time.
        var pending = 0
        var failure: ContentError?
    }

    init(
        _ source: FederatedSource, _ range: Range<Int64>,
        _ completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        self.source = source
        self.range = range
        order = source.order
        let isLocal = source.replicas.allSatisfy(\.isLocal)
        let budget = isLocal ? source.settings.localBudget : source.settings.budget
        deadline = monotonicNanoseconds() &+ budget.nanoseconds
        state = Mutex(State(completion: completion))
    }

    func start() {
        if !beginNext() { finish(.failure(.unreachable)) }
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
        // A second answer is worth waiting for only while the first has not come.
        source.scheduler.after(source.settings.hedge) { [weak self] in self?.beginNext() }
        return true
    }

    private func attempt(_ index: Int) {
        let replica = source.replicas[index]
        let origin = replica.origin
        let begin = monotonicNanoseconds()
        guard begin < deadline else { return failed(index, OriginError(.unreachable, "no time is left")) }
        let limit = min(deadline, begin &+ origin.timeout.nanoseconds)
        origin.lane.submit(deadline: .nanoseconds(Int64(clamping: limit - begin))) {
            [range] () throws(OriginError) -> ContentBytes in
            let count = Int(range.upperBound - range.lowerBound)
            try replica.bandwidth.wait(count, deadline: limit)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
            do throws(OriginError) {
                try unsafe origin.read(
                    replica.path, replica.stamp, at: range.lowerBound, into: buffer, deadline: limit)
            } catch {
                unsafe buffer.deallocate()
                throw error
            }
            return unsafe ContentBytes(owning: buffer)
        } completion: { [self] result in
            let latency = monotonicNanoseconds() - begin
            switch result {
            case .success(let bytes):
                source.routing.note(origin: origin.id, error: nil, bytes: range.count, latency: latency)
                source.served(by: origin.id)
                finish(.success(bytes))
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
            case .end(let failure): finish(.failure(failure))
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

    private func finish(_ result: Result<ContentBytes, ContentError>) {
        let completion = state.withLock { state in
            defer { state.completion = nil }
            return state.completion
        }
        completion?(result)
    }
}
