import MusicFSCore
import MusicFSSystem
import Synchronization

/// One open of a content version that is read through the cache.
final class CachedContent: OpenContent {
    let cache: ContentCache
    let file: CachedFile
    let source: any RangeSource
    /// Whether what is fetched is stored.
    let keeps: Bool
    private let readAhead: Mutex<ReadAhead>

    init(cache: ContentCache, file: CachedFile, source: any RangeSource, keeps: Bool) {
        self.cache = cache
        self.file = file
        self.source = source
        self.keeps = keeps
        readAhead = Mutex(ReadAhead(limit: cache.settings.readAhead, piece: cache.piece(of: file.info.origin)))
    }

    var descriptor: SharedFD? { nil }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? { nil }

    func read(
        at offset: Int64, count: Int,
        completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        let range = offset..<(offset + Int64(count))
        readAhead.withLock { $0.note(range) }
        ChunkRead(self, range, completion).proceed()
        // What comes faster than the cache's disk takes it would not be kept.
        let room = keeps && cache.store?.isBehind == true ? 0 : cache.budget.roomAhead
        let ahead = readAhead.withLock { $0.next(size: file.grid.size, room: room) }
        if let ahead { getAhead(ahead) }
        // The kernel asks for a little at a time, and not in order.
        file.dropBlocks(in: (range.lowerBound - (16 << 20))..<(range.lowerBound - (2 << 20)))
    }

    /// Starts getting what is not in memory of a range, as far as there is memory for it.
    private func getAhead(_ range: Range<Int64>) {
        let piece = readAhead.withLock { $0.piece }
        let (fetches, loads) = file.locateAhead(range, most: min(piece, cache.settings.largestFetch))
        if fetches.isEmpty { readAhead.withLock { $0.noteNear() } }
        // What is asked for at once comes without a round trip in between, and is read as it comes.
        for request in fetches.runs(most: piece) { ifThereIsMemory(for: request) { start(request, $0) } }
        for (flight, entries) in loads {
            ifThereIsMemory(for: [flight]) { for reservation in $0 { load(flight, entries, reservation) } }
        }
    }

    /// Calls `begin` with memory for adjacent flights. Where there is none, whoever waits for one by now asks again.
    private func ifThereIsMemory(for flights: [CachedFile.Flight], _ begin: ([Reservation]) -> Void) {
        guard let first = flights.first else { return }
        if let reservations = cache.budget.reserve(flights.map(\.range.count)) { return begin(reservations) }
        readAhead.withLock { $0.retreat(to: first.range.lowerBound) }
        for flight in flights { file.land(flight, .failure(.failed(.again))) }
    }

    /// Gets stored chunks into memory before they are asked for.
    private func load(_ flight: CachedFile.Flight, _ entries: [Manifest.Entry], _ reservation: Reservation) {
        cache.lane.submit { [self] () throws(ContentError) -> ContentBytes in
            let bytes = cache.memory.take(flight.range.count)
            guard let store = cache.store else { throw .failed(.again) }
            if let lost = unsafe store.read(entries, into: bytes.buffer) {
                file.lost(lost)
                throw .failed(.again)
            }
            return bytes
        } completion: { [file] result in
            switch result {
            case .success(let bytes):
                file.land(flight, .success(Block(range: flight.range, bytes: bytes, reservation: reservation)))
            // Its reader finds out by itself.
            case .failure: file.land(flight, .failure(.failed(.again)))
            }
        }
    }

    /// Starts a fetch that somebody waits for.
    func start(_ flight: CachedFile.Flight) {
        if let reservation = cache.budget.reserve(flight.range.count) { return start([flight], [reservation]) }
        cache.budget.reserve(flight.range.count) { [self] in start([flight], [$0]) }
        cache.relieve()
    }

    /// Starts the fetch of adjacent flights, each of which lands as soon as its bytes are there.
    private func start(_ flights: [CachedFile.Flight], _ reservations: [Reservation]) {
        let begin = monotonicNanoseconds()
        cache.foreground.withLock { $0.begin() }
        // Each is let go with its block, before the rest has come.
        let reservations = Mutex(reservations.map(Optional.some))
        source.fetch(flights.map(\.range)) { [self] part, result in
            let flight = flights[part]
            let reservation = reservations.withLock { $0[part].take() }
            let isLast = part == flights.count - 1
            if isLast { cache.foreground.withLock { $0.end(at: monotonicNanoseconds()) } }
            switch result {
            case .success(let bytes) where unsafe bytes.buffer.count == flight.range.count:
                guard let reservation else { return file.land(flight, .failure(.failed(.io))) }
                if isLast {
                    let time = monotonicNanoseconds() - begin
                    noteLine { $0.noteFetch(flights.byteCount, nanoseconds: time) }
                }
                cache.fetchedBytes.increment(by: UInt64(flight.range.count))
                let block = Block(range: flight.range, bytes: bytes, reservation: reservation)
                file.land(flight, .success(block))
                if keeps, let store = cache.store { keep(block, store) }
            case .success: file.land(flight, .failure(.failed(.io)))
            case .failure(let error):
                noteLine { $0.noteFailure() }
                file.land(flight, .failure(error))
            }
        }
    }

    /// Something was found out about the line, which other files of the origin are told.
    private func noteLine(_ note: (inout ReadAhead) -> Void) {
        let piece = readAhead.withLock { readAhead in
            note(&readAhead)
            return readAhead.piece
        }
        cache.notePiece(piece, of: file.info.origin)
    }

    /// A reader waits for something that is under way.
    fileprivate func noteWait() { readAhead.withLock { $0.noteWait() } }

    private func keep(_ block: Block, _ store: ChunkStore) {
        let stored = { @Sendable [weak file] (entry: Manifest.Entry?) -> Void in
            if let entry { file?.stored(entry) }
        }
        store.put(cache.puts(file.info, block.range, completion: stored) { block.slice($0) })
    }
}

extension [CachedFile.Flight] {
    fileprivate var byteCount: Int { reduce(0) { $0 + $1.range.count } }

    /// The flights in runs of adjacent ones, each of `most` bytes or of one flight.
    fileprivate func runs(most: Int64) -> [[CachedFile.Flight]] {
        var runs: [[CachedFile.Flight]] = []
        for flight in self {
            if let run = runs.last, run.last?.range.upperBound == flight.range.lowerBound,
                Int64(run.byteCount + flight.range.count) <= most
            {
                runs[runs.count - 1].append(flight)
            } else {
                runs.append([flight])
            }
        }
        return runs
    }
}

/// One read: what is in memory at once, what is stored from the disk, and what is missing when it has come.
private final class ChunkRead: Sendable {
    private let content: CachedContent
    private let range: Range<Int64>
    private let state: Mutex<State>

    private struct State {
        var completion: (@Sendable (Result<ContentBytes, ContentError>) -> Void)?
        /// What has come for this read, so that it is there whatever becomes of it elsewhere.
        var held: [Block] = []
        var awaited = 0
        var rounds = 0
        var failure: ContentError?
        var hasMissed = false
    }

    init(
        _ content: CachedContent, _ range: Range<Int64>,
        _ completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        self.content = content
        self.range = range
        state = Mutex(State(completion: completion))
    }

    /// One more round. Damaged chunks and blocks that went meanwhile make a next one necessary, a few times.
    func proceed() {
        let (held, isLate) = state.withLock { state in
            state.rounds += 1
            return (state.held, state.rounds > 8)
        }
        if isLate { return finish(.failure(.failed(.io))) }
        let most = content.cache.settings.largestFetch
        let (pieces, new) = content.file.locate(range, held: held, most: most)
        var flights: [CachedFile.Flight] = []
        for case .flight(let flight) in pieces { flights.append(flight) }
        if flights.isEmpty { return assemble(pieces) }
        state.withLock { state in
            state.awaited = flights.count
            // What was read ahead from the cache's disk is there, if not yet in memory.
            if flights.contains(where: { !$0.isLoad }) { state.hasMissed = true }
        }
        if new.isEmpty { content.noteWait() }
        for flight in flights { join(flight) }
        for flight in new { content.start(flight) }
    }

    /// After so long a wait for a flight that was begun ahead, the origin has had tries enough (nanoseconds).
    private static let patience: UInt64 = 15_000_000_000

    /// Waits for a flight. Of one that was begun ahead the tries and the deadline count from before this read: its failure
    /// has this read fetch by itself. And from now on somebody waits for it, out of whose way others keep.
    private func join(_ flight: CachedFile.Flight) {
        guard flight.isAhead else {
            if !flight.wait({ [self] in landed($0) }) { landed(nil) }
            return
        }
        let begin = monotonicNanoseconds()
        content.cache.foreground.withLock { $0.begin() }
        let end = { @Sendable [self] (result: Result<Block, ContentError>?) in
            let now = monotonicNanoseconds()
            if case .failure? = result, now &- begin < Self.patience { landed(nil) } else { landed(result) }
            content.cache.foreground.withLock { $0.end(at: now) }
        }
        if !flight.wait({ end($0) }) { end(nil) }
    }

    /// - Parameter result: nil where it is to be looked for again: it had landed before it could be waited for.
    private func landed(_ result: Result<Block, ContentError>?) {
        let next = state.withLock { state -> ContentError?? in
            switch result {
            case .success(let block): state.held.append(block)
            // It was fetched ahead, and there was no room for that.
            case .failure(.failed(.again)), nil: break
            case .failure(let error): state.failure = error
            }
            state.awaited -= 1
            return state.awaited == 0 ? .some(state.failure) : nil
        }
        switch next {
        case .some(.some(let failure)): finish(.failure(failure))
        case .some(nil): proceed()
        case nil: break
        }
    }

    // MARK: Putting together

    private func assemble(_ pieces: [CachedFile.Piece]) {
        if pieces.count == 1, case .memory(let block, let part) = pieces[0], let bytes = block.slice(part) {
            return finish(.success(bytes))
        }
        content.cache.lane.submit { [self] () throws(ContentError) -> ContentBytes? in
            fill(pieces)
        } completion: { [self] result in
            switch result {
            case .success(.some(let bytes)): finish(.success(bytes))
            case .success(nil): proceed()
            case .failure:
                // The cache's disk does not answer: the origin does.
                for case .disk(let entry, _) in pieces { content.file.lost(entry) }
                content.cache.store?.note(SystemError("read", content.cache.store?.directory, .timedOut))
                proceed()
            }
        }
    }

    /// nil when a chunk was damaged: it is missing from now on.
    private func fill(_ pieces: [CachedFile.Piece]) -> ContentBytes? {
        let bytes = content.cache.memory.take(range.count)
        let buffer = unsafe bytes.buffer
        var isWhole = true
        for piece in pieces {
            switch piece {
            case .memory(let block, let part):
                guard let slice = block.slice(part) else { return nil }
                unsafe target(buffer, part).copyMemory(from: UnsafeRawBufferPointer(slice.buffer))
            case .disk(let entry, let part):
                if unsafe !read(entry, part, into: target(buffer, part)) {
                    content.file.lost(entry)
                    isWhole = false
                }
            case .flight: return nil
            }
        }
        return isWhole ? bytes : nil
    }

    private func target(
        _ buffer: UnsafeMutableRawBufferPointer, _ part: Range<Int64>
    ) -> UnsafeMutableRawBufferPointer {
        let from = Int(part.lowerBound - range.lowerBound)
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[from..<(from + part.count)])
    }

    private func read(
        _ entry: Manifest.Entry, _ part: Range<Int64>, into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard let store = content.cache.store else { return false }
        if part.count == entry.length { return unsafe store.read([entry], into: target) == nil }
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.length, alignment: 4096)
        defer { unsafe whole.deallocate() }
        guard unsafe store.read([entry], into: whole) == nil else { return false }
        let from = Int(part.lowerBound - entry.offset)
        unsafe target.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: whole[from..<(from + part.count)]))
        return true
    }

    private func finish(_ result: Result<ContentBytes, ContentError>) {
        let (completion, hasMissed) = state.withLock { state in
            defer {
                state.completion = nil
                state.held = []
            }
            return (state.completion, state.hasMissed)
        }
        if hasMissed { content.cache.store?.misses.increment() } else { content.cache.store?.hits.increment() }
        completion?(result)
    }
}
