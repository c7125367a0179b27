package import MusicFSCore
import MusicFSSystem
import Synchronization

/// Reads the tags of one file that can only be had in ranges: fetches the head, and the tail where the format has
/// something there, and after that what the worker asks for, until it has enough.
///
/// The worker gets a sparse file in memory and a table of what is there. One that meets a hole names it and is done with
/// the job, so that nobody waits for an origin in a worker; the job begins again when the hole is filled.
package final class RangedReading: Sendable {
    package typealias OnBytes = @Sendable (_ offset: Int64, _ bytes: ContentBytes) -> Void
    package typealias Completion = @Sendable (Result<MediaReport, MediaError>) -> Void

    private let pool: MediaWorkerPool
    private let source: any RangeSource
    private let size: Int64
    private let name: [UInt8]
    private let wantsIdentity: Bool
    private let file: SharedFD
    private let onBytes: OnBytes
    private let completion: Completion
    private let state = Mutex(State())

    private struct State {
        var present: [Range<Int64>] = []
        var awaited = 0
        var fetched: Int64 = 0
        var rounds = 0
        var failure: ContentError?
    }

    /// Bytes that are fetched of one file at most: large pictures, and no more.
    private static let limit: Int64 = 48 << 20
    private static let mostRounds = 24
    static let head: Int64 = 128 << 10
    static let tail: Int64 = 64 << 10

    /// - Parameter onBytes: gets each range that was fetched.
    package static func start(
        _ source: any RangeSource, size: Int64, name: [UInt8], wantsIdentity: Bool, pool: MediaWorkerPool,
        onBytes: @escaping OnBytes, completion: @escaping Completion
    ) {
        let file: SharedFD
        do throws(SystemError) {
            file = SharedFD(try makeSparseFile(size: max(0, size)))
        } catch { return completion(.failure(.unavailable(reason: "no memory for its ranges: \(error)"))) }
        let reading = RangedReading(
            source, size, name, wantsIdentity, pool, file, onBytes: onBytes, completion: completion)
        reading.fetch(reading.firstRanges)
    }

    private init(
        _ source: any RangeSource, _ size: Int64, _ name: [UInt8], _ wantsIdentity: Bool, _ pool: MediaWorkerPool,
        _ file: SharedFD, onBytes: @escaping OnBytes, completion: @escaping Completion
    ) {
        (self.source, self.size, self.name, self.wantsIdentity) = (source, size, name, wantsIdentity)
        (self.pool, self.file, self.onBytes, self.completion) = (pool, file, onBytes, completion)
    }

    /// FLAC, MP4, ASF and the like have all in front, or say in front where the rest is; the others have tags or the
    /// last page's time at their end.
    private var firstRanges: [Range<Int64>] {
        guard size > 0 else { return [] }
        let head = 0..<min(size, Self.head)
        let hasTail = ["mp3", "ogg", "oga", "opus", "spx", "ape", "wv", "mpc", "tta"].contains(
            Names.fileExtension(name))
        let tail = max(head.upperBound, size - Self.tail)..<size
        return hasTail && !tail.isEmpty ? [head, tail] : [head]
    }

    private func fetch(_ ranges: [Range<Int64>]) {
        let wanted = ranges.map { $0.clamped(to: 0..<size) }.filter { !$0.isEmpty }
        let isTooMuch = state.withLock { state in
            state.awaited = wanted.count
            state.rounds += 1
            state.fetched += wanted.reduce(0) { $0 + Int64($1.count) }
            return state.fetched > Self.limit || state.rounds > Self.mostRounds
                || state.present.count + wanted.count > MediaJob.rangeLimit
        }
        if isTooMuch { return completion(.failure(.unreadable(reason: "its tags are too large or too far apart"))) }
        if wanted.isEmpty { return examine() }
        for range in wanted { source.fetch(range) { [self] in take(range, $0) } }
    }

    private func take(_ range: Range<Int64>, _ result: Result<ContentBytes, ContentError>) {
        var failure: ContentError?
        switch result {
        case .success(let bytes):
            do throws(SystemError) {
                unsafe try writeFully(file.raw, UnsafeRawBufferPointer(bytes.buffer), at: range.lowerBound)
                onBytes(range.lowerBound, bytes)
            } catch { failure = .failed(error.errno) }
        case .failure(let error): failure = error
        }
        let next = state.withLock { state -> ContentError?? in
            if let failure { state.failure = failure } else { state.present = state.present.adding(range) }
            state.awaited -= 1
            return state.awaited == 0 ? .some(state.failure) : nil
        }
        switch next {
        case .some(nil): examine()
        case .some(.some(let error)):
            let reason = error == .changed ? "it changed while it was read" : "its origin did not answer"
            completion(.failure(.unavailable(reason: reason)))
        case nil: break
        }
    }

    private func examine() {
        let present = state.withLock { $0.present }
        let copy: OwnedFD
        do throws(SystemError) {
            copy = try file.duplicated()
        } catch { return completion(.failure(.unavailable(reason: "no descriptor is left: \(error)"))) }
        pool.read(copy, name: name, wantsIdentity: wantsIdentity, present: present) { [self] result in
            guard case .failure(.incomplete(let ranges)) = result else { return completion(result) }
            fetch(missing(ranges, present))
        }
    }

    /// What of the wanted ranges is not there. A single one is rounded out to 64 KiB, since what lies beside it is mostly
    /// wanted next; several are samples, and wanted as they are.
    private func missing(_ wanted: [Range<Int64>], _ present: [Range<Int64>]) -> [Range<Int64>] {
        let block: Int64 = 64 << 10
        let rounded = wanted.map { range in
            guard wanted.count == 1 else { return range }
            let (end, overflow) = range.upperBound.addingReportingOverflow(block - 1)
            return range.lowerBound / block * block..<(overflow ? size : max(end / block * block, range.upperBound))
        }
        return rounded.flatMap { range in range.clamped(to: 0..<size).without(present) }
    }
}

extension [Range<Int64>] {
    /// The ranges with one more, in order, those that touch made one.
    fileprivate func adding(_ range: Range<Int64>) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for next in (self + [range]).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, next.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<Swift.max(last.upperBound, next.upperBound)
            } else {
                result.append(next)
            }
        }
        return result
    }
}

extension Range<Int64> {
    /// What is left of the range without others, which are in order.
    fileprivate func without(_ others: [Range<Int64>]) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        var position = lowerBound
        for other in others where other.upperBound > position && other.lowerBound < upperBound {
            if other.lowerBound > position { result.append(position..<other.lowerBound) }
            position = Swift.max(position, other.upperBound)
        }
        if position < upperBound { result.append(position..<upperBound) }
        return result
    }
}
