import MusicFSCache
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSDaemon

/// What is played next, and what of it is fetched first.
@Suite struct PredictionTests {
    // MARK: The queue

    private func entry(_ node: Int64, _ priority: Int, cause: UInt64? = nil) -> PrefetchQueue.Entry {
        PrefetchQueue.Entry(node: node, priority: priority, reason: .album, cause: cause)
    }

    @Test func theMostUrgentGoesFirstAndOfEqualOnesTheOldest() {
        var queue = PrefetchQueue()
        for (node, priority) in [(1, 6), (2, 8), (3, 15), (4, 8)] as [(Int64, Int)] {
            let isTaken = queue.add(entry(node, priority))
            #expect(isTaken)
        }
        // Twice: it waits once, with the more urgent reason.
        _ = queue.add(entry(1, 10))
        _ = queue.add(entry(2, 5))
        var order: [Int64] = []
        while let next = queue.takeNext() { order.append(next.node) }
        #expect(order == [3, 1, 2, 4])
    }

    @Test func aFullQueueTakesNothingMore() {
        var queue = PrefetchQueue()
        for node in 1...Int64(PrefetchQueue.limit) { _ = queue.add(entry(node, 5)) }
        let isTaken = queue.add(entry(1000, 15))
        #expect(!isTaken)
        // What is in it already is no more.
        let isKnown = queue.add(entry(1, 15))
        #expect(isKnown && queue.takeNext()?.node == 1)
    }

    @Test func whatWasPredictedFromAFileThatIsNoLongerOpenIsForgotten() {
        var queue = PrefetchQueue()
        for (node, cause) in [(1, 7), (2, 8), (3, nil)] as [(Int64, UInt64?)] {
            _ = queue.add(entry(node, 5, cause: cause))
        }
        queue.forget { $0 == 8 }
        #expect(queue.entries.map(\.node) == [2, 3])
    }

    // MARK: What is being fetched

    private struct Failure: Error {}

    @Test func whatCannotBeBegunGivesItsPlaceBack() throws {
        let state = Condition(PrefetchState())
        for node in 1...3 as ClosedRange<Int64> { _ = state.withLock { $0.queue.add(entry(node, 5)) } }
        for left in [2, 1] {
            #expect(throws: Failure.self) { try state.beginNext(limit: 1) { _ in throw Failure() } }
            #expect(state.withLock { $0.running.isEmpty && $0.queue.entries.count == left })
        }
        var begun: [Int64] = []
        state.beginNext(limit: 1) { begun.append($0.node) }
        #expect(begun == [3] && state.withLock { $0.running.keys.sorted() } == [3])
        // There is no other place.
        _ = state.withLock { $0.queue.add(entry(4, 5)) }
        state.beginNext(limit: 1) { begun.append($0.node) }
        #expect(begun == [3])
    }

    /// Nodes 1 to 5 were predicted from the file that is open as handle 7, some of them from others too.
    private func predicted() -> PrefetchState {
        var state = PrefetchState()
        for handle in 7...8 as ClosedRange<UInt64> {
            state.open(handle, PrefetchState.Open(node: Int64(handle) * 100, due: nil, played: 30))
        }
        for (node, offset) in [(1, 10), (2, 10), (3, 50)] as [(Int64, Int64)] {
            state.running[node] = PrefetchState.Running(
                entry: entry(node, 8, cause: 7), size: 100, offset: offset, isBusy: false)
        }
        _ = state.enter([entry(4, 6, cause: 7), entry(5, 6, cause: 7)], forgetsClosed: true)
        _ = state.enter([entry(2, 5, cause: 8), entry(5, 5, cause: nil)], forgetsClosed: true)
        return state
    }

    @Test func whatWasPredictedFromASkippedFileIsGivenUp() {
        var state = predicted()
        #expect(state.queue.entries.map(\.node) == [4, 5])
        let isNews = state.release(7, at: 29, wasRead: false)
        // 2 and 5 were predicted otherwise too, and half of 3 is there.
        #expect(isNews && state.running.keys.sorted() == [2, 3] && state.queue.entries.map(\.node) == [5])
        #expect(state.running[2]?.entry.priority == 8)
        let isNewsAgain = state.release(8, at: 29, wasRead: false)
        #expect(isNewsAgain && state.running.keys.sorted() == [3] && state.queue.entries.map(\.node) == [5])
    }

    @Test(arguments: [(29, true), (30, false)] as [(UInt64, Bool)])
    func whatWasPredictedFromAPlayedFileStaysUntilTheNextOnePlays(time: UInt64, wasRead: Bool) {
        var state = predicted()
        let isNews = state.release(7, at: time, wasRead: wasRead)
        #expect(!isNews && state.running.count == 3 && state.queue.entries.count == 2)
        _ = state.enter([entry(1, 9, cause: 8), entry(6, 8, cause: 8)], forgetsClosed: true)
        #expect(state.running.keys.sorted() == [1, 2, 3] && state.queue.entries.map(\.node) == [5, 6])
    }

    @Test func whatIsGivenUpWaitsForItsAnswerAndForWhoReadsIt() {
        var state = predicted()
        state.running[1]?.isBusy = true
        state.open(9, PrefetchState.Open(node: 1, due: nil, played: 30))
        _ = state.release(7, at: 1, wasRead: false)
        #expect(state.running[1] != nil)
        state.running[1]?.isBusy = false
        state.dropUnwanted()
        #expect(state.running[1] != nil)
        state.running[1]?.isBusy = true
        _ = state.release(9, at: 1, wasRead: true)
        #expect(state.running[1] != nil)
        state.running[1]?.isBusy = false
        state.dropUnwanted()
        #expect(state.running[1] == nil)
    }

    /// Half of its threads are left to readers, and three quarters of each second of a limited bandwidth.
    @Test func anOriginIsAskedForFewPiecesAtOnce() {
        let line = AheadLine(origin: 1, threads: 4, rate: 0)
        #expect(line.pieces == 2 && line.most == .max)
        #expect(AheadLine(origin: 1, threads: 16, rate: 1 << 20).most == 256 << 10)
        #expect(AheadLine(origin: 1, threads: 1, rate: 1000) == AheadLine(origin: 1, threads: 2, rate: 200_000))

        var state = PrefetchState()
        for node in 1...6 as ClosedRange<Int64> {
            state.running[node] = PrefetchState.Running(entry: entry(node, Int(node)), isBusy: false)
        }
        state.running[5]?.nextTry = 20
        let other = AheadLine(origin: 2, threads: 4, rate: 0)
        let lines: [Int64: AheadLine] = [1: line, 2: other, 3: line, 4: line, 5: line]
        let first = state.takeReady(10, lines)
        // 6 has no origin, and is told so at once.
        #expect(first == [6, 4, 3, 2] && state.nextTry(after: 10) == 20)
        let second = state.takeReady(30, lines)
        #expect(second.isEmpty && state.nextTry(after: 30) == nil)
        state.running[3]?.isBusy = false
        state.running[3]?.origin = nil
        let third = state.takeReady(30, lines)
        #expect(third == [5])
    }

    // MARK: Predicting

    private let directory: TestDirectory
    private let library: Library
    private let history: History
    private let origin: Int64
    private let start: Int64 = 1_779_998_520_000_000_000

    init() throws {
        directory = try TestDirectory()
        library = try Library.open(
            directory.path.appending("library.db"),
            Library.Options(template: .standard, showsCompanions: true, nextEpoch: { 1 }, onCommit: { _, _ in }))
        let ids = try library.setOrigins([OriginSetting(name: "far", type: "sftp", root: "/x", priority: 1)])
        origin = try #require(ids["far"])
        history = History(directory.path, keep: .seconds(3_153_600_000), isNewMount: true, log: .disabled)
    }

    private func add(
        _ folder: String, _ name: String, album: String?, disc: Int? = nil, track: Int?, title: String? = nil
    ) throws {
        var tags: [(TagField, String)] = [(.artist, "A"), (.title, title ?? name)]
        if let album { tags.append((.album, album)) }
        if let disc { tags.append((.disc, "\(disc)")) }
        if let track { tags.append((.track, "\(track)")) }
        let report = MediaReport(tags: Tags(entries: tags.map { Tags.Entry($0.0, $0.1) }))
        let file = OriginFile(origin: origin, folder: Array(folder.utf8), name: Array(name.utf8))
        try library.apply([
            .audio(file, FileStamp(size: 7, modified: 1, inode: UInt64(abs(name.hashValue))), .report(report))
        ])
    }

    private func file(_ path: String) -> OriginPath { OriginPath(origin: "far", path: Array(path.utf8)) }

    private func node(_ path: String) throws -> Int64 {
        try #require(try library.makeReader().playable([file(path)])[file(path)]).node
    }

    private func play(_ paths: [String], day: Int64) {
        for (number, path) in paths.enumerated() {
            let since = UInt64(day * 86400 + Int64(number) * 100) * 1_000_000_000
            history.note([
                .opened(
                    History.Opening(
                        handle: since, file: file(path), time: start + Int64(since), since: since,
                        needed: 30_000_000_000)),
                .released(handle: since, at: since + 100_000_000_000),
            ])
        }
    }

    private func guesses(after path: String, count: Int = 3, hoursLater: Int = 12) throws -> [(String, Int)] {
        let reader = try library.makeReader()
        let predictor = Predictor(library: reader, history: history, count: count)
        let hour = (localHour(start) + hoursLater) % 24
        return try predictor.guesses(after: node(path), hour: hour).map { guess in
            let file = try #require(try reader.playedFile(node: guess.node))
            return (String(decoding: file.path, as: UTF8.self), guess.priority)
        }
    }

    private func expect(
        _ found: [(String, Int)], _ wanted: [(String, Int)], _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(found.map(\.0) == wanted.map(\.0), sourceLocation: location)
        #expect(found.map(\.1) == wanted.map(\.1), sourceLocation: location)
    }

    @Test func theAlbumGoesOnByDiscAndNumber() throws {
        for number in 1...4 {
            try add("x", "\(9 - number).flac", album: "B", disc: 1, track: number)
            try add("y", "\(number).flac", album: "B", disc: 2, track: number)
            // The same album in another format is another thing.
            try add("z", "\(number).mp3", album: "B", disc: 1, track: number)
        }
        // Copies of a song are not played after it.
        try add("copy", "2.flac", album: "B", disc: 1, track: 2, title: "7.flac")
        expect(try guesses(after: "x/8.flac"), [("x/7.flac", 8), ("x/6.flac", 7), ("x/5.flac", 6)])
        expect(try guesses(after: "x/6.flac"), [("x/5.flac", 8), ("y/1.flac", 7), ("y/2.flac", 6)])
        expect(try guesses(after: "copy/2.flac"), [("x/6.flac", 8), ("x/5.flac", 7), ("y/1.flac", 6)])
        expect(try guesses(after: "y/4.flac"), [])
        #expect(try guesses(after: "x/8.flac", count: 5).map(\.1) == [8, 7, 6, 6, 6])
    }

    @Test func whatHasNoAlbumGoesOnByItsName() throws {
        for name in ["a", "b", "c"] { try add("x", "\(name).flac", album: nil, track: nil) }
        expect(try guesses(after: "x/a.flac"), [("x/b.flac", 8), ("x/c.flac", 7)])
    }

    @Test func whatWasPlayedAfterItBeforeComesFirst() throws {
        for number in 1...5 { try add("x", "\(number).flac", album: "B", track: number) }
        for number in 1...3 { try add("y", "\(number).flac", album: "C", track: number) }
        let list = ["x/1.flac", "y/3.flac", "y/1.flac"]
        play(list, day: 0)
        expect(try guesses(after: "x/1.flac"), [("x/2.flac", 8), ("x/3.flac", 7), ("x/4.flac", 6)])
        play(list, day: 1)
        // Two steps of the list, and the album where that ends.
        expect(try guesses(after: "x/1.flac"), [("y/3.flac", 10), ("y/1.flac", 9), ("x/2.flac", 8)])
        expect(try guesses(after: "y/3.flac"), [("y/1.flac", 10)])
        // A circle ends.
        play(["y/1.flac", "x/1.flac"], day: 2)
        play(["y/1.flac", "x/1.flac"], day: 3)
        expect(try guesses(after: "y/3.flac"), [("y/1.flac", 10), ("x/1.flac", 9)])
    }

    @Test func whatIsPlayedAtThisHourFillsUp() throws {
        for number in 1...2 { try add("x", "\(number).flac", album: "B", track: number) }
        for number in 1...9 { try add("y", "\(number).flac", album: "C\(number)", track: number) }
        for day in 0..<2 as Range<Int64> {
            for number in 1...3 { play(["y/\(number).flac"], day: day * 10 + Int64(number)) }
        }
        #expect(try guesses(after: "x/1.flac", hoursLater: 12).map(\.0) == ["x/2.flac"])
        let found = try guesses(after: "x/1.flac", hoursLater: 0)
        #expect(found.map(\.1) == [8, 5, 5] && found.first?.0 == "x/2.flac")
        // What it plays itself is no guess.
        #expect(try guesses(after: "y/1.flac", hoursLater: 0).map(\.0).contains("y/1.flac") == false)
    }

    /// What is remembered outlives the ids.
    @Test func whatWasPlayedIsKnownByTheIdsOfNow() throws {
        for number in 1...3 { try add("x", "\(number).flac", album: "B", track: number) }
        play(["x/1.flac", "x/2.flac", "x/2.flac", "gone.flac"], day: 0)
        let plays = LibraryPlayHistory(history: history) { [library] () throws(CacheError) in try library.makeReader() }
        let tracks = try library.makeReader().playable((1...3).map { file("x/\($0).flac") })
        let (first, second) = (tracks[file("x/1.flac")]?.track, tracks[file("x/2.flac")]?.track)
        #expect(try plays.played(since: start).map(\.track) == [second, first])
        #expect(try plays.played(since: start + 150_000_000_000).map(\.track) == [second])
        #expect(try plays.mostPlayed(limit: 5).map(\.track) == [second, first])
        #expect(try plays.mostPlayed(limit: 5).map(\.count) == [2, 1])
        #expect(try plays.mostPlayed(limit: 1).map(\.track) == [second])
        #expect(try plays.mostPlayed(limit: 0).isEmpty)
    }
}
