import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// The cache over a source that we made, with the real disk.
@Suite struct ContentCacheTests {
    struct Rig {
        let directory: TestDirectory
        let cache: ContentCache

        init(_ directory: TestDirectory, limit: Int64 = 1 << 30, memory: Int64 = 64 << 20) throws {
            self.directory = directory
            let store =
                limit == 0
                ? nil : try ChunkStore(directory: directory.path.appending("cache"), limit: limit, log: .disabled)
            cache = try ContentCache(
                store: store, budget: BufferBudget(limit: memory),
                settings: ContentCache.Settings(readAhead: 8 << 20), timer: try DeadlineTimer())
        }

        func open(_ source: PatternSource, payload: Range<Int64>? = nil, name: String = "f") -> any OpenContent {
            let answer = Condition<(any OpenContent)?>(nil)
            cache.open(info(source, payload, name), source: source, keeps: true) { content in
                answer.withLock { $0 = content }
                answer.signal()
            }
            return answer.wait { $0 }
        }

        func info(_ source: PatternSource, _ payload: Range<Int64>?, _ name: String = "f") -> VersionInfo {
            VersionInfo(
                key: ContentKey(
                    origin: "o", path: Array(name.utf8),
                    stamp: FileStamp(size: source.size, modified: Int64(bitPattern: source.seed), inode: 0)),
                size: source.size, payload: payload, origin: "o")
        }

        /// Waits for a state that comes by itself.
        func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
            let deadline = monotonicNanoseconds() + UInt64(10e9 * patience)
            while monotonicNanoseconds() < deadline {
                if try condition() { return true }
                _ = pollReadable([], milliseconds: 5)
            }
            return try condition()
        }

        /// Flushes until it is so: a reader is answered before what it read is handed to the store.
        func flush(_ condition: () throws -> Bool) throws -> Bool {
            try eventually {
                try cache.flush()
                return try condition()
            }
        }
    }

    @Test(arguments: [Int64(1 << 30), 0, 3 << 20])
    func anyWindowEqualsTheSliceOfTheWhole(limit: Int64) throws {
        let rig = try Rig(TestDirectory(), limit: limit)
        var random = SeededGenerator(seed: UInt64(limit))
        for round in 0..<6 {
            let size = Int64.random(in: 1...3_000_000, using: &random)
            let start = Int64.random(in: 0...size, using: &random)
            let payload = Bool.random(using: &random) ? start..<Int64.random(in: start...size, using: &random) : nil
            let source = PatternSource(seed: UInt64(round), size: size)
            if round % 2 == 1 {
                source.behave {
                    $0.failsEvery = 5
                    $0.failure = .unreachable
                }
            }
            let content = rig.open(source, payload: payload, name: "\(round)")
            for _ in 0..<40 {
                let lower = Int64.random(in: 0..<size, using: &random)
                let range = lower..<min(size, lower + Int64.random(in: 1...300_000, using: &random))
                switch rig.open(source, payload: payload, name: "\(round)").readNow(range) {
                case .success(let bytes): #expect(bytes == source.bytes(range))
                case .failure(let error): #expect(error == .unreachable && round % 2 == 1)
                case nil: Issue.record("a read was not answered")
                }
            }
            _ = content
        }
        try rig.cache.flush()
        #expect(rig.eventually { rig.cache.budget.used == 0 })
        #expect(rig.cache.statistics.usedBytes <= limit)
    }

    @Test func whatWasReadOnceIsThereWithoutTheSourceAndAfterARestart() throws {
        let directory = try TestDirectory()
        let source = PatternSource(seed: 7, size: 1_000_000)
        do {
            let rig = try Rig(directory)
            let content = rig.open(source, payload: 1000..<999_000)
            for start in stride(from: Int64(0), to: source.size, by: 131_072) {
                let range = start..<min(source.size, start + 131_072)
                #expect(try content.readNow(range)?.get() == source.bytes(range))
            }
            #expect(try rig.flush { rig.cache.storedCount(rig.info(source, nil).key) == source.size })
            rig.cache.close()
        }
        source.behave { $0.failsEvery = 1 }
        let rig = try Rig(directory)
        let content = rig.open(source, payload: 1000..<999_000)
        #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        // The index is derived as well.
        rig.cache.close()
        for name in ["cas.db", "cas.db-wal", "cas.db-shm"] {
            try? unlink(directory.path.appending("cache").appending(name))
        }
        let again = try Rig(directory)
        #expect(again.eventually { again.cache.storedCount(rig.info(source, nil).key) == source.size })
        let restored = again.open(source, payload: 1000..<999_000)
        #expect(try restored.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        #expect(try again.cache.check(repairs: false) { _ in true }?.isClean == true)
    }

    @Test func damagedChunksAreFetchedAgain() throws {
        let directory = try TestDirectory()
        let rig = try Rig(directory)
        let source = PatternSource(seed: 3, size: 2_000_000)
        let store = try #require(rig.cache.store)
        // A pack for each part.
        for part in 0..<8 {
            let range = Int64(part) * 250_000..<Int64(part + 1) * 250_000
            let content = rig.open(source)
            #expect(try content.readNow(range)?.get() == source.bytes(range))
            #expect(
                try rig.flush { store.manifest(rig.info(source, nil).key).entry(at: range.upperBound - 1).entry != nil }
            )
        }
        let packs = Set(store.manifest(rig.info(source, nil).key).entries.map(\.place.pack)).sorted()
        try #require(packs.count >= 4)
        for (number, pack) in packs.enumerated() {
            let path = store.files.path(pack)
            switch number % 4 {
            case 0: try unlink(path)
            case 1: try writeFileAtomically(path, Array(try readFile(path).prefix(1000)))
            case 2:
                var bytes = try readFile(path)
                bytes[17] ^= 4
                try writeFileAtomically(path, bytes)
            default: break
            }
        }
        let before = source.fetchedBytes
        #expect(try rig.open(source).readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        #expect(source.fetchedBytes > before)
        try rig.cache.flush()
        #expect(try rig.cache.check(repairs: true) { _ in true } != nil)
        #expect(try rig.cache.check(repairs: false) { _ in true }?.isClean == true)
        #expect(try rig.open(source).readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
    }

    @Test func readersOfOneFileShareTheirFetches() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 1, size: 4 << 20)
        source.behave { $0.delay = 50 }
        let contents = (0..<8).map { _ in rig.open(source) }
        let done = Condition(0)
        for content in contents {
            content.read(at: 100_000, count: 500_000) { result in
                let isRight = (try? result.get()).map { unsafe Array($0.buffer) } == source.bytes(100_000..<600_000)
                done.withLock { $0 += isRight ? 1 : 0 }
                done.broadcast()
            }
        }
        #expect(done.wait(until: monotonicNanoseconds() + 20_000_000_000) { $0 == 8 ? true : nil } == true)
        #expect(source.fetchedBytes <= 640 << 10, "fetched \(source.fetches)")
    }

    @Test func theHeadAndTheTailOfAFileAreNoReasonToFetchAhead() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 1, size: 30 << 20)
        let content = rig.open(source, payload: 90_000..<(30 << 20) - 128)
        _ = content.readNow(0..<131_072)
        _ = content.readNow((30 << 20) - 16_384..<(30 << 20))
        #expect(source.fetchedBytes <= 320 << 10, "fetched \(source.fetches)")
    }

    @Test func sequentialReadingFetchesAhead() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 1, size: 24 << 20)
        let content = rig.open(source)
        var waits = 0
        for start in stride(from: Int64(0), to: source.size, by: 131_072) {
            let before = source.fetches.count
            let range = start..<(start + 131_072)
            #expect(try content.readNow(range)?.get() == source.bytes(range))
            if source.fetches[before...].contains(where: { $0.contains(start) }) { waits += 1 }
        }
        // Once the window is open, what is read has been asked for before.
        #expect(waits < 8, "\(waits) of 192 reads found nothing on its way")
        #expect(source.fetchedBytes < 26 << 20)
    }

    @Test func aRetaggedFileKeepsItsAudio() throws {
        let rig = try Rig(TestDirectory())
        let source = PatternSource(seed: 9, size: 3_000_000)
        let payload: Range<Int64> = 50_000..<2_999_000
        #expect(try rig.open(source, payload: payload).readNow(0..<source.size)?.get().count == 3_000_000)
        #expect(try rig.flush { rig.cache.storedCount(rig.info(source, payload).key) == source.size })
        // The new version: 70,000 bytes more of tags before the same audio.
        let shifted = ShiftedSource(source, by: 70_000, head: 120_000)
        let new = VersionInfo(
            key: ContentKey(origin: "o", path: [1], stamp: FileStamp(size: 3_070_000, modified: 2, inode: 0)),
            size: 3_070_000, payload: 120_000..<3_069_000, origin: "o")
        try rig.cache.adopt(rig.info(source, payload).key, payloadStart: payload.lowerBound, for: new)
        let answer = Condition<(any OpenContent)?>(nil)
        rig.cache.open(new, source: shifted, keeps: true) { content in
            answer.withLock { $0 = content }
            answer.signal()
        }
        let content = answer.wait { $0 }
        #expect(try content.readNow(0..<3_070_000)?.get() == shifted.bytes(0..<3_070_000))
        #expect(shifted.fetchedBytes <= 190_000, "fetched \(shifted.fetchedBytes)")
    }

    @Test func theLimitHoldsWhileMuchIsStreamed() throws {
        let limit: Int64 = 16 << 20
        let rig = try Rig(TestDirectory(), limit: limit, memory: 16 << 20)
        let done = Condition(0)
        for reader in 0..<8 {
            try startThread("reader") {
                let source = PatternSource(seed: UInt64(reader), size: 8 << 20)
                let content = rig.open(source, name: "\(reader)")
                var isRight = true
                for start in stride(from: Int64(0), to: source.size, by: 1 << 20) {
                    let bytes = try? content.readNow(start..<(start + 1 << 20))?.get()
                    isRight =
                        isRight && bytes?.count == 1 << 20 && bytes?[77] == Pattern.byte(source.seed, start + 77)
                }
                done.withLock { $0 += isRight ? 1 : 100 }
                done.broadcast()
            }
        }
        var most: Int64 = 0
        let deadline = monotonicNanoseconds() + 60_000_000_000
        while done.withLock({ $0 }) < 8, monotonicNanoseconds() < deadline {
            most = max(most, rig.cache.statistics.usedBytes)
            _ = pollReadable([], milliseconds: 10)
        }
        #expect(done.withLock { $0 } == 8)
        #expect(rig.cache.store?.lastError == nil)
        try rig.cache.flush()
        #expect(max(most, rig.cache.statistics.usedBytes) <= limit)
        #expect(rig.eventually { rig.cache.budget.used == 0 })
        #expect(try rig.cache.check(repairs: false) { _ in true }?.isClean == true)
    }
}

/// `source` with a longer head: the rest is the same, further back.
private final class ShiftedSource: WholeSource {
    private let source: PatternSource
    private let other = PatternSource(seed: 999, size: 1 << 30)
    private let shift: Int64
    private let head: Int64
    private let fetched = Counter()

    init(_ source: PatternSource, by shift: Int64, head: Int64) {
        (self.source, self.shift, self.head) = (source, shift, head)
    }

    var fetchedBytes: UInt64 { fetched.value }

    func bytes(_ range: Range<Int64>) -> [UInt8] {
        range.map { $0 < head ? Pattern.byte(999, $0) : Pattern.byte(source.seed, $0 - shift) }
    }

    func fetchWhole(_ range: Range<Int64>, completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void)
    {
        fetched.increment(by: UInt64(range.count))
        completion(.success(contentBytes(bytes(range))))
    }
}
