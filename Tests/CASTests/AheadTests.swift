import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// What is stored before anybody asks for it.
@Suite struct AheadTests {
    private typealias Rig = ContentCacheTests.Rig

    private func openAhead(_ rig: Rig, _ source: PatternSource, payload: Range<Int64>? = nil) throws -> AheadFile {
        let answer = Condition<AheadFile??>(nil)
        rig.cache.openAhead(rig.info(source, payload), source: source) { file in
            answer.withLock { $0 = .some(file) }
            answer.signal()
        }
        return try #require(answer.wait { $0 })
    }

    private func fetch(_ file: AheadFile, _ range: Range<Int64>) -> AheadFile.Outcome? {
        let answer = Condition<AheadFile.Outcome?>(nil)
        file.fetch(range) { outcome in
            answer.withLock { $0 = outcome }
            answer.signal()
        }
        return answer.wait(until: monotonicNanoseconds() + 20_000_000_000) { $0 }
    }

    @Test func whatIsFetchedAheadIsStoredAndCountsForNobody() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 1, size: 3_000_000)
        let payload: Range<Int64> = 1000..<2_999_000
        // Something of it is there already, in the middle of a chunk.
        let head = source.bytes(0..<70_000)
        rig.cache.keep(rig.info(source, payload), [(0, contentBytes(head))])
        try rig.cache.flush()
        let file = try openAhead(rig, source, payload: payload)
        #expect(file.storedBytes == 70_000 && file.size == source.size)
        var stored: Int64 = 0
        for start in stride(from: Int64(0), to: source.size, by: 1 << 20) {
            guard case .stored(let count) = fetch(file, start..<(start + 1 << 20)) else {
                Issue.record("a piece was not stored")
                continue
            }
            stored += count
        }
        #expect(stored == source.size - 70_000 && source.fetchedBytes == stored)
        #expect(rig.cache.storedCount(rig.info(source, payload).key) == source.size)
        #expect(fetch(file, 0..<source.size) == .stored(0))
        #expect(rig.eventually { rig.cache.budget.used == 0 })
        #expect(rig.cache.statistics.hits == 0 && rig.cache.statistics.misses == 0)
        // It is there when the source is gone.
        source.behave { $0.failsEvery = 1 }
        let read = rig.open(source, payload: payload).readNow(0..<source.size)
        #expect(try read?.get() == source.bytes(0..<source.size))
        #expect(rig.cache.statistics.hits == 1 && rig.cache.statistics.misses == 0)
    }

    @Test func aReaderSharesWhatIsUnderWay() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 2, size: 1_000_000)
        source.behave { $0.delay = 200 }
        let file = try openAhead(rig, source)
        let answer = Condition<AheadFile.Outcome?>(nil)
        file.fetch(0..<source.size) { outcome in
            answer.withLock { $0 = outcome }
            answer.signal()
        }
        let content = rig.open(source)
        #expect(try content.readNow(100_000..<300_000)?.get() == source.bytes(100_000..<300_000))
        #expect(answer.wait { $0 } == .stored(source.size))
        #expect(source.fetchedBytes == source.size)
    }

    /// Its tries and its deadline count from when it asked.
    @Test func aReaderIsNotFailedByWhatIsUnderWayAheadOfIt() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 7, size: 200_000)
        let content = rig.open(source)
        let file = try openAhead(rig, source)
        let gate = Condition(false)
        source.behave { behaviour in
            behaviour.failsEvery = 1
            behaviour.gate = gate
        }
        let outcome = Condition<AheadFile.Outcome?>(nil)
        file.fetch(0..<source.size) { result in
            outcome.withLock { $0 = result }
            outcome.signal()
        }
        source.behave { behaviour in
            behaviour.failsEvery = 0
            behaviour.gate = nil
        }
        #expect(rig.cache.quietSince == 0)
        let answer = Condition<Result<[UInt8], ContentError>?>(nil)
        content.read(at: 0, count: 1000) { result in
            let bytes = result.map { unsafe Array($0.buffer) }
            answer.withLock { $0 = bytes }
            answer.signal()
        }
        // It waits for what is under way, and nothing more is begun ahead meanwhile.
        #expect(source.fetches.count == 1 && rig.cache.quietSince == nil)
        gate.withLock { $0 = true }
        gate.signal()
        let read = answer.wait { $0 }
        #expect(try read.get() == source.bytes(0..<1000))
        let ended = outcome.wait { $0 }
        #expect(ended == .failed(.unreachable) && source.fetches.count == 2)
        #expect(rig.eventually { rig.cache.quietSince ?? 0 > 0 })
    }

    @Test func whatFailsIsToldAndCanBeTriedAgain() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 3, size: 500_000)
        source.behave { $0.failsEvery = 1 }
        let file = try openAhead(rig, source)
        #expect(fetch(file, 0..<source.size) == .failed(.unreachable))
        source.behave { $0.failsEvery = 0 }
        #expect(fetch(file, 0..<source.size) == .stored(source.size))
    }

    @Test func whereSomethingIsShortNothingIsFetched() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 4, size: 500_000)
        let file = try openAhead(rig, source)
        #expect(rig.cache.obstacleToPrefetch == nil)
        rig.cache.budget.refusesAhead = true
        #expect(rig.cache.obstacleToPrefetch == "descriptors are short")
        #expect(fetch(file, 0..<source.size) == .noRoom && source.fetches.isEmpty)
        rig.cache.budget.refusesAhead = false
        rig.cache.setShortOfMemory(true)
        #expect(rig.cache.obstacleToPrefetch == "memory is short")
        rig.cache.setShortOfMemory(false)
        let store = try #require(rig.cache.store)
        for (pressure, text) in [
            (DiskPressure.noPrefetch, "the cache's disk is nearly full"),
            (.noWrites, "the cache's disk is nearly full"),
            (.evict, nil), (.none, nil),
        ] {
            store.pressure = pressure
            #expect(rig.cache.obstacleToPrefetch == text)
        }
        #expect(try Rig(TestDirectory(), limit: 0).cache.obstacleToPrefetch == "there is no cache")
        #expect(fetch(file, 0..<source.size) == .stored(source.size))
    }

    @Test func piecesAreWhatTheLineBringsInAQuarterOfASecond() {
        var pace = AheadPace()
        #expect(pace.piece == 256 << 10)
        let steps: [(Int, Int, Int64)] = [
            // Of a fetch: KiB, milliseconds; and what follows, KiB.
            (256, 130, 256), (256, 60, 512), (512, 1, 1024), (1024, 1, 1024), (1024, 249, 1024),
            // The last bytes of a file say nothing.
            (64, 900, 1024), (1024, 500, 512), (512, 1_000_000, 128), (128, 1000, 128), (100, 10, 256),
        ]
        for (count, milliseconds, piece) in steps {
            pace.note(count << 10, nanoseconds: UInt64(milliseconds) * 1_000_000)
            #expect(pace.piece == piece << 10, "\(count) KiB in \(milliseconds) ms")
        }
    }

    @Test func piecesAreWholeChunks() {
        let chunk = ChunkGrid.chunkSize
        let grid = ChunkGrid(size: 1_000_000, payload: 1000..<990_000)
        #expect(grid.chunks(from: 0, most: 0) == 0..<1000)
        #expect(grid.chunks(from: 0, most: 2 * chunk) == 0..<(1000 + chunk))
        #expect(grid.chunks(from: 1000, most: chunk) == 1000..<(1000 + chunk))
        #expect(grid.chunks(from: 1000, most: 3 * chunk + 5) == 1000..<(1000 + 3 * chunk))
        #expect(grid.chunks(from: 1000, most: 5) == 1000..<(1000 + chunk))
        #expect(grid.chunks(from: 999_999, most: 5) == 990_000..<1_000_000)
        #expect(grid.chunks(from: 500_000, most: .max).upperBound == 1_000_000)
        // Together they are the file.
        var position: Int64 = 0
        while position < grid.size {
            let piece = grid.chunks(from: position, most: 200_000)
            #expect(piece.lowerBound == position && piece == grid.rounded(piece) && piece.count <= 200_000)
            position = piece.upperBound
        }
    }

    @Test func aFileIsFetchedPieceByPiece() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 8, size: 3_000_000)
        let file = try openAhead(rig, source)
        var position: Int64 = 0
        while position < source.size, source.fetches.count < 100 {
            let piece = file.piece(at: position, most: .max)
            #expect(fetch(file, piece) == .stored(Int64(piece.count)))
            position = piece.upperBound
        }
        #expect(source.fetches.first == 0..<(256 << 10) && source.fetchedBytes == source.size)
        #expect(file.piece(at: 0, most: 100_000) == 0..<65_536 && file.piece(at: position, most: .max).isEmpty)
    }

    @Test func itIsQuietOnceNoReaderWaitsForAnOrigin() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 5, size: 100_000)
        source.behave { $0.delay = 300 }
        #expect(rig.cache.quietSince == 0)
        let content = rig.open(source)
        let answer = Condition<Bool?>(nil)
        content.read(at: 0, count: 1000) { _ in
            answer.withLock { $0 = true }
            answer.signal()
        }
        #expect(rig.eventually { rig.cache.quietSince == nil })
        let begin = monotonicNanoseconds()
        #expect(answer.wait { $0 })
        #expect(rig.eventually { rig.cache.quietSince ?? 0 > begin })
        // What is fetched ahead disturbs nobody.
        let ahead = PatternSource(seed: 6, size: 100_000)
        let since = rig.cache.quietSince
        #expect(fetch(try openAhead(rig, ahead), 0..<ahead.size) == .stored(ahead.size))
        #expect(rig.cache.quietSince == since)
    }
}
