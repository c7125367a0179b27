import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport

/// A file whose bytes follow from a seed, read with the faults that a test asks for; counts what is asked of it.
final class PatternSource: WholeSource {
    struct Behaviour: Sendable {
        /// Every so-manieth fetch fails; 0 for none.
        var failsEvery = 0
        var failure = ContentError.unreachable
        var delay: Int32 = 0
        /// Until it is true nothing is answered.
        var gate: Condition<Bool>?
    }

    private struct State {
        var behaviour = Behaviour()
        var fetches: [Range<Int64>] = []
    }

    let seed: UInt64
    let size: Int64
    private let state = Mutex(State())

    init(seed: UInt64, size: Int64) {
        self.seed = seed
        self.size = size
    }

    var fetches: [Range<Int64>] { state.withLock { $0.fetches } }
    var fetchedBytes: Int64 { fetches.reduce(0) { $0 + Int64($1.count) } }
    func behave(_ change: (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

    func fetchWhole(
        _ range: Range<Int64>, completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        let (fails, behaviour) = state.withLock { state in
            state.fetches.append(range)
            let every = state.behaviour.failsEvery
            return (every > 0 && state.fetches.count % every == 0, state.behaviour)
        }
        let result: Result<ContentBytes, ContentError>
        if range.lowerBound < 0 || range.upperBound > size || range.isEmpty {
            result = .failure(.failed(.invalid))
        } else {
            result = fails ? .failure(behaviour.failure) : .success(contentBytes(bytes(range)))
        }
        do {
            try startThread("source") {
                if behaviour.delay > 0 { _ = pollReadable([], milliseconds: behaviour.delay) }
                if let gate = behaviour.gate { gate.wait { $0 ? () : nil } }
                completion(result)
            }
        } catch { completion(.failure(.failed(.again))) }
    }

    func bytes(_ range: Range<Int64>) -> [UInt8] { Pattern.bytes(seed, range) }
}

func contentBytes(_ bytes: [UInt8]) -> ContentBytes {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    unsafe buffer.copyBytes(from: bytes)
    return unsafe ContentBytes(owning: buffer)
}

extension OpenContent {
    /// Reads and waits, at most twenty seconds.
    func readNow(_ range: Range<Int64>) -> Result<[UInt8], ContentError>? {
        let answer = Condition<Result<[UInt8], ContentError>?>(nil)
        read(at: range.lowerBound, count: range.count) { result in
            let bytes = result.map { unsafe Array($0.buffer) }
            answer.withLock { $0 = bytes }
            answer.signal()
        }
        return answer.wait(until: monotonicNanoseconds() + 20_000_000_000) { $0 }
    }
}
