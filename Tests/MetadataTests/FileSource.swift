import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import TestSupport
import Testing

/// A local file as a remote one: counts what is asked for, and can be slow, stuck or failing.
final class FileSource: WholeSource {
    struct Counts: Sendable {
        var ranges: [Range<Int64>] = []
        var answered = 0

        var requests: Int { ranges.count }
        var bytes: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }
    }

    private struct State: Sendable {
        var counts = Counts()
        /// The number of the first request that is held back.
        var holdsFrom: Int?
        var held: [@Sendable () -> Void] = []
    }

    let size: Int64
    private let fd: SharedFD
    private let delay: Double
    private let failure: (request: Int, error: ContentError)?
    private let state = Condition(State())
    private let queue = DispatchQueue(label: "source", attributes: .concurrent)

    /// - Parameters:
    ///   - delay: seconds before each answer.
    ///   - failure: the number of the request that fails, and how.
    ///   - holdsFrom: requests from this number on are answered by `release` alone.
    init(
        _ path: FilePath, delay: Double = 0, failure: (request: Int, error: ContentError)? = nil, holdsFrom: Int? = nil
    ) throws {
        fd = SharedFD(try open(path, .read))
        size = try FileStatus.of(path).size
        self.delay = delay
        self.failure = failure
        state.withLock { $0.holdsFrom = holdsFrom }
    }

    var counts: Counts { state.withLock { $0.counts } }

    func fetchWhole(
        _ range: Range<Int64>, completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        let answer = { @Sendable [self] (number: Int) in
            let result: Result<ContentBytes, ContentError> =
                number == failure?.request ? .failure(failure?.error ?? .changed) : read(range)
            state.withLock { $0.counts.answered += 1 }
            completion(result)
        }
        let (number, isHeld) = state.withLock { state in
            let number = state.counts.requests
            state.counts.ranges.append(range)
            guard let first = state.holdsFrom, number >= first else { return (number, false) }
            state.held.append { answer(number) }
            return (number, true)
        }
        state.broadcast()
        if !isHeld { queue.asyncAfter(deadline: .now() + delay) { answer(number) } }
    }

    /// Waits until a request is held back.
    func waitUntilHeld() throws {
        _ = try #require(state.wait(until: monotonicNanoseconds() + 60_000_000_000) { $0.held.isEmpty ? nil : () })
    }

    /// Answers what is held back, and holds back nothing any more.
    func release() {
        let held = state.withLock { state in
            state.holdsFrom = nil
            defer { state.held = [] }
            return state.held
        }
        for answer in held { answer() }
    }

    private func read(_ range: Range<Int64>) -> Result<ContentBytes, ContentError> {
        guard range.lowerBound >= 0, range.upperBound <= size, !range.isEmpty,
            let bytes = try? readFully(fd.raw, at: range.lowerBound, count: range.count), bytes.count == range.count
        else { return .failure(.failed(.invalid)) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        unsafe buffer.copyBytes(from: bytes)
        return .success(unsafe ContentBytes(owning: buffer))
    }
}

/// What was fetched of a file, as a cache would get it.
final class Kept: Sendable {
    private let state = Condition<[(offset: Int64, bytes: ContentBytes)]>([])

    func add(_ offset: Int64, _ bytes: ContentBytes) { state.withLock { $0.append((offset, bytes)) } }

    /// In order.
    var ranges: [Range<Int64>] {
        state.withLock { pieces in
            pieces.map { $0.offset..<($0.offset + Int64(unsafe $0.bytes.buffer.count)) }
                .sorted { $0.lowerBound < $1.lowerBound }
        }
    }

    /// Whether a range is there, be it in several pieces.
    func covers(_ range: Range<Int64>) -> Bool {
        var position = range.lowerBound
        for piece in ranges where piece.lowerBound <= position { position = max(position, piece.upperBound) }
        return position >= range.upperBound
    }

    /// Whether all that came is what the file holds, and no byte came twice.
    func agrees(with path: FilePath) throws -> Bool {
        let file = try readFile(path, limit: 1 << 30)
        let isEqual = state.withLock { pieces in
            pieces.allSatisfy { piece in
                let start = Int(piece.offset)
                let end = start + (unsafe piece.bytes.buffer.count)
                return unsafe end <= file.count && piece.bytes.buffer.elementsEqual(file[start..<end])
            }
        }
        let ranges = ranges
        return isEqual && zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
    }
}

extension MediaWorkerPool {
    /// Reads one file in ranges and waits for the result.
    func result(
        of source: FileSource, name: String, wantsIdentity: Bool = true, kept: Kept = Kept()
    ) throws -> Result<MediaReport, MediaError> {
        let answer = Condition<Result<MediaReport, MediaError>?>(nil)
        RangedReading.start(
            source, size: source.size, name: Array(name.utf8), wantsIdentity: wantsIdentity, pool: self,
            onBytes: { kept.add($0, $1) },
            completion: { result in
                answer.withLock { $0 = result }
                answer.broadcast()
            })
        return try #require(answer.wait(until: monotonicNanoseconds() + 120_000_000_000) { $0 })
    }
}
