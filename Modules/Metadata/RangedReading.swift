package import MusicFSCore
import MusicFSSystem
import Synchronization

/// Reads the tags of one file that can only be had in ranges: fetches the head, and the tail where the format has
/// something there, and after that what the worker asks for, until it has enough.
///
/// The worker gets a sparse file in memory and a table of what is there. One that meets a hole names it and is done with
/// the job, so that nobody waits for an origin in a worker; the job begins again when the hole is filled. Either fetches
/// are under way or a worker has the job, never both; whichever ends last starts the next.
package final class RangedReading: Sendable {
    package typealias OnBytes = @Sendable (_ offset: Int64, _ bytes: ContentBytes) -> Void
    package typealias Completion = @Sendable (Result<MediaReport, MediaError>) -> Void

    private let pool: MediaWorkerPool
    private let source: any RangeSource
    private let name: [UInt8]
    private let file: SharedFD
    private let onBytes: OnBytes
    private let completion: Completion
    private let state: Mutex<State>

    private struct State {
        var plan: FetchPlan
        let wantsIdentity: Bool
        /// Fetches under way.
        var awaited = 0
        /// The first of these fetches that failed.
        var failure: MediaError?
    }

    /// Bytes: far beyond any file, and far enough from overflow.
    private static let sizeLimit: Int64 = 1 << 60

    /// Never blocks. Fails with `.unavailable` when a fetch fails or the file has changed, which says nothing about the
    /// file, and with `.unreadable` also when its tags take more than 48 MiB.
    ///
    /// - Parameters:
    ///   - size: of the file; bytes.
    ///   - onBytes: gets each range that was fetched, none twice and all before `completion`; called on the source's
    ///     threads, several at once, and must not block.
    ///   - completion: called exactly once, on a thread of the pool or the source, or on this one; must not block.
    package static func start(
        _ source: any RangeSource, size: Int64, name: [UInt8], wantsIdentity: Bool, pool: MediaWorkerPool,
        onBytes: @escaping OnBytes, completion: @escaping Completion
    ) {
        guard (0...sizeLimit).contains(size) else {
            return completion(.failure(.unavailable(reason: "no file has \(size) bytes")))
        }
        let file: SharedFD
        do throws(SystemError) {
            file = SharedFD(try makeSparseFile(size: size))
        } catch { return completion(.failure(.unavailable(reason: "no memory for its ranges: \(error)"))) }
        var plan = FetchPlan(size: size)
        let first = plan.start(name: name, wantsIdentity: wantsIdentity)
        RangedReading(
            source, name, pool, file, State(plan: plan, wantsIdentity: wantsIdentity), onBytes: onBytes,
            completion: completion
        ).fetch(first)
    }

    private init(
        _ source: any RangeSource, _ name: [UInt8], _ pool: MediaWorkerPool, _ file: SharedFD, _ state: State,
        onBytes: @escaping OnBytes, completion: @escaping Completion
    ) {
        (self.source, self.name, self.pool, self.file) = (source, name, pool, file)
        (self.onBytes, self.completion) = (onBytes, completion)
        self.state = Mutex(state)
    }

    // MARK: Fetching

    private func fetch(_ ranges: [Range<Int64>]) {
        // Only of an empty file.
        if ranges.isEmpty { return examine() }
        state.withLock { $0.awaited = ranges.count }
        for range in ranges { source.fetch(range) { [self] in take(range, keep($0, of: range)) } }
    }

    /// Puts the bytes into the file.
    ///
    /// - Returns: why that could not be done.
    private func keep(_ result: Result<ContentBytes, ContentError>, of range: Range<Int64>) -> MediaError? {
        switch result {
        case .success(let bytes):
            guard unsafe bytes.buffer.count == range.count else {
                return .unavailable(reason: "its origin gave other bytes than were asked for")
            }
            do throws(SystemError) {
                unsafe try writeFully(file.raw, UnsafeRawBufferPointer(bytes.buffer), at: range.lowerBound)
            } catch { return .unavailable(reason: "no memory for its ranges: \(error)") }
            onBytes(range.lowerBound, bytes)
            return nil
        case .failure(.changed): return .unavailable(reason: "it changed while it was read")
        case .failure(.unreachable): return .unavailable(reason: "its origin did not answer")
        case .failure(.failed(let errno)): return .unavailable(reason: "reading failed: \(errno)")
        }
    }

    private func take(_ range: Range<Int64>, _ failure: MediaError?) {
        let (isLast, failure) = state.withLock { state in
            if failure == nil { state.plan.insert(range) }
            state.failure = state.failure ?? failure
            state.awaited -= 1
            return (state.awaited == 0, state.failure)
        }
        guard isLast else { return }
        if let failure { completion(.failure(failure)) } else { examine() }
    }

    // MARK: Examining

    private func examine() {
        let (present, wantsIdentity) = state.withLock { ($0.plan.present, $0.wantsIdentity) }
        let copy: OwnedFD
        do throws(SystemError) {
            copy = try file.duplicated()
        } catch { return completion(.failure(.unavailable(reason: "no descriptor is left: \(error)"))) }
        pool.examine(copy, name: name, wantsIdentity: wantsIdentity, present: present.ranges) { [self] result in
            guard case .failure(.incomplete(let ranges)) = result else { return completion(result) }
            serve(ranges)
        }
    }

    private func serve(_ needs: [Range<Int64>]) {
        switch state.withLock({ $0.plan.step(for: needs) }) {
        case .fetch(let ranges): fetch(ranges)
        case .invalid: completion(.failure(.unavailable(reason: "the media worker broke the protocol")))
        case .excessive:
            let limit = FetchPlan.limit >> 20
            completion(.failure(.unreadable(reason: "its tags take more than \(limit) MiB or are too far apart")))
        }
    }
}
