package import MusicFSCore
package import MusicFSSystem

/// Reads files in sandboxed processes, the media workers, several at once.
///
/// Each worker has a client thread of its own, on which completions run. Workers are started when there is work, and
/// stopped after a while without.
package final class MediaWorkerPool: Sendable {
    private struct State {
        /// Jobs under way, for each worker.
        var outstanding: [Int]
        var isStopped = false
    }

    /// Jobs that a worker may have at once: enough that it never waits for the next.
    package static let depth = 16

    private let state: Condition<State>
    private let clients: [MediaWorkerClient]

    /// - Parameters:
    ///   - executable: the program `musicfs-media`.
    ///   - jobTimeout: for one file, from when the worker got to it.
    ///   - idleTimeout: after which a worker without jobs is stopped.
    package init(
        executable: FilePath, workers: Int, jobTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(30),
        log: Logger
    ) {
        let count = max(workers, 1)
        clients = (0..<count).map {
            MediaWorkerClient(
                number: $0, executable: executable, jobTimeout: jobTimeout.clampedNanoseconds,
                idleTimeout: idleTimeout.clampedNanoseconds, log: log)
        }
        state = Condition(State(outstanding: Array(repeating: 0, count: count)))
    }

    /// Reads the tags, properties, layout and pictures of `fd`, which is taken over.
    ///
    /// Blocks while all workers have as many jobs as they may. `completion` is called exactly once, on a client
    /// thread, or on this one when the pool was stopped; it must not call `stop`, nor block for long.
    package func read(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool,
        completion: @escaping @Sendable (Result<MediaReport, MediaError>) -> Void
    ) {
        let chosen: Int? = state.wait { state -> Int?? in
            if state.isStopped { return .some(nil) }
            guard let least = state.outstanding.indices.min(by: { state.outstanding[$0] < state.outstanding[$1] }),
                state.outstanding[least] < Self.depth
            else { return nil }
            state.outstanding[least] += 1
            return least
        }
        guard let chosen else { return completion(.failure(.unavailable(reason: "MusicFS is stopping"))) }
        clients[chosen].read(fd, name: name, wantsIdentity: wantsIdentity, present: nil) { result in
            self.release(chosen)
            completion(result)
        }
    }

    /// The same of a file of which only the ranges `present` are there; a failure `.incomplete` names what else is
    /// needed.
    ///
    /// Never blocks, since an origin's thread may be the one that calls: whoever reads files in ranges sees to it that
    /// not too many are under way.
    func examine(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool, present: [Range<Int64>],
        completion: @escaping @Sendable (Result<MediaReport, MediaError>) -> Void
    ) {
        let chosen: Int? = state.withLock { state in
            guard !state.isStopped,
                let least = state.outstanding.indices.min(by: { state.outstanding[$0] < state.outstanding[$1] })
            else { return nil }
            state.outstanding[least] += 1
            return least
        }
        guard let chosen else { return completion(.failure(.unavailable(reason: "MusicFS is stopping"))) }
        clients[chosen].read(fd, name: name, wantsIdentity: wantsIdentity, present: present) { result in
            self.release(chosen)
            completion(result)
        }
    }

    /// Ends all workers. Jobs under way fail as unavailable; returns when all completions have run.
    package func stop() {
        state.withLock { $0.isStopped = true }
        state.broadcast()
        for client in clients { client.requestStop() }
        for client in clients { client.waitUntilStopped() }
    }

    /// The workers that run now.
    package var processes: [ChildProcess] { clients.compactMap(\.process) }

    private func release(_ client: Int) {
        let isHalfEmpty = state.withLock { state in
            state.outstanding[client] -= 1
            return state.outstanding[client] == Self.depth / 2
        }
        // Who waits found all workers full, so each worker passes this point: waking earlier would switch threads for
        // every file.
        if isHalfEmpty { state.broadcast() }
    }
}

extension Duration {
    fileprivate var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        if seconds < 0 { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        // A century stands for ever, and can be added to the clock without overflow.
        return overflow
            ? 3_155_760_000_000_000_000 : min(product &+ UInt64(attoseconds / 1_000_000_000), 3_155_760_000_000_000_000)
    }
}
