package import MusicFSCore
import MusicFSSystem
import Synchronization

/// What readers have fetched from origins, as far as others have to keep out of their way.
struct Foreground: Sendable {
    private var underWay = 0
    private var lastEnd: UInt64 = 0

    mutating func begin() { underWay += 1 }

    mutating func end(at now: UInt64) {
        underWay -= 1
        lastEnd = now
    }

    /// Since when nothing is fetched (CLOCK_MONOTONIC, nanoseconds); nil while something is.
    var quietSince: UInt64? { underWay == 0 ? lastEnd : nil }
}

/// A version that is stored before anybody asks for it. What is fetched so counts as no access, hit or miss, and is not
/// kept in memory.
package final class AheadFile: Sendable {
    package enum Outcome: Hashable, Sendable {
        /// So many bytes were fetched, and are stored.
        case stored(Int64)
        /// There is no memory or no room in the store at the moment, or its disk is behind.
        case noRoom
        case failed(ContentError)
    }

    private let cache: ContentCache
    private let store: ChunkStore
    private let file: CachedFile
    private let source: any RangeSource
    private let pace = Mutex(AheadPace())

    init(cache: ContentCache, store: ChunkStore, file: CachedFile, source: any RangeSource) {
        self.cache = cache
        self.store = store
        self.file = file
        self.source = source
    }

    package var size: Int64 { file.grid.size }
    /// Bytes that need not be fetched.
    package var storedBytes: Int64 { file.storedBytes }

    /// What to fetch next, from `offset` on: whole chunks, as much as the line brings in a quarter of a second, and no more
    /// than `most` bytes but for the first chunk.
    package func piece(at offset: Int64, most: Int64) -> Range<Int64> {
        guard offset >= 0, offset < size else { return size..<size }
        return file.grid.chunks(from: offset, most: min(most, pace.withLock { $0.piece }))
    }

    /// Fetches what is nowhere of a range, and answers when that is stored. What is under way for others is left to them.
    ///
    /// - Parameter completion: called exactly once, on any thread.
    package func fetch(_ range: Range<Int64>, completion: @escaping @Sendable (Outcome) -> Void) {
        guard !store.isBehind, !cache.budget.hasWaiting else { return completion(.noRoom) }
        let flights = file.locateMissing(range.clamped(to: 0..<size), most: cache.settings.largestFetch)
        let tally = Tally(flights.count, completion)
        for flight in flights { fetch(flight, tally) }
    }

    private func fetch(_ flight: CachedFile.Flight, _ tally: Tally) {
        guard let reservation = cache.budget.reserve(flight.range.count) else {
            file.land(flight, .failure(.failed(.again)))
            return tally.end(.noRoom)
        }
        let begin = monotonicNanoseconds()
        source.fetch(flight.range) { [self] result in
            switch result {
            case .success(let bytes) where unsafe bytes.buffer.count == flight.range.count:
                pace.withLock { $0.note(flight.range.count, nanoseconds: monotonicNanoseconds() - begin) }
                cache.fetchedBytes.increment(by: UInt64(flight.range.count))
                let block = Block(range: flight.range, bytes: bytes, reservation: reservation)
                file.land(flight, .success(block))
                keep(block, tally)
            case .success:
                file.land(flight, .failure(.failed(.io)))
                tally.end(.failed(.failed(.io)))
            case .failure(let error):
                file.land(flight, .failure(error))
                tally.end(.failed(error))
            }
        }
    }

    private func keep(_ block: Block, _ tally: Tally) {
        let chunks = Tally(file.grid.count(in: block.range)) { [file] outcome in
            // Not before: who reads it meanwhile finds it in memory.
            file.dropBlocks(in: block.range)
            tally.end(outcome == .stored(0) ? .stored(Int64(block.range.count)) : outcome)
        }
        let stored = { @Sendable [weak file] (entry: Manifest.Entry?) -> Void in
            if let entry { file?.stored(entry) }
            chunks.end(entry == nil ? .noRoom : .stored(0))
        }
        store.put(cache.puts(file.info, block.range, completion: stored) { block.slice($0) })
    }
}

/// Several outcomes that become one: what was stored in all, or what went wrong.
private final class Tally: Sendable {
    private let state: Mutex<(left: Int, outcome: AheadFile.Outcome)>
    private let completion: @Sendable (AheadFile.Outcome) -> Void

    /// - Parameter count: how many ends there will be.
    init(_ count: Int, _ completion: @escaping @Sendable (AheadFile.Outcome) -> Void) {
        state = Mutex((count, .stored(0)))
        self.completion = completion
        if count == 0 { completion(.stored(0)) }
    }

    func end(_ outcome: AheadFile.Outcome) {
        let last = state.withLock { state -> AheadFile.Outcome? in
            state.left -= 1
            switch (state.outcome, outcome) {
            case (.stored(let before), .stored(let more)): state.outcome = .stored(before + more)
            case (.stored, _): state.outcome = outcome
            default: break
            }
            return state.left == 0 ? state.outcome : nil
        }
        if let last { completion(last) }
    }
}

extension ContentCache {
    /// Since when no reader has anything fetched (CLOCK_MONOTONIC, nanoseconds); nil while one has.
    package var quietSince: UInt64? { foreground.withLock { $0.quietSince } }

    /// Why nothing is to be fetched that nobody asked for; nil where there is no reason.
    package var obstacleToPrefetch: String? {
        guard let store else { return "there is no cache" }
        if store.isOff { return "the cache's disk gives errors" }
        if !store.allowsPrefetch { return "the cache's disk is nearly full" }
        if budget.refusesAhead { return "descriptors are short" }
        return budget.isShort ? "memory is short" : nil
    }

    /// The largest file that is fetched ahead, bytes: it is not to drive out all others.
    package var largestAhead: Int64 { (store?.limit ?? 0) / 8 }

    /// Opens a version to fetch it ahead. `completion` is called on a thread of the cache's lane, with nil where nothing is
    /// stored.
    package func openAhead(
        _ info: VersionInfo, source: any RangeSource, completion: @escaping @Sendable (AheadFile?) -> Void
    ) {
        guard let store else { return completion(nil) }
        lane.submit { () throws(ContentError) -> Manifest in
            store.manifest(info.key)
        } completion: { [self] result in
            guard case .success(let manifest) = result else { return completion(nil) }
            completion(AheadFile(cache: self, store: store, file: share(info, manifest), source: source))
        }
    }
}
