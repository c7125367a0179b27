import MusicFSCache
import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

/// What was opened and played (D17).
@Suite struct HistoryTests {
    private let directory: TestDirectory
    private var path: FilePath { directory.path.appending(History.fileName) }
    private let second: UInt64 = 1_000_000_000
    private let day: Int64 = 86_400_000_000_000
    /// Some day in 2026, early in a half or a quarter of an hour everywhere.
    private let start: Int64 = 1_779_998_520_000_000_000

    init() throws { directory = try TestDirectory() }

    private func make(keep: Duration = .seconds(30 * 86_400), isNewMount: Bool = false) -> History {
        History(directory.path, keep: keep, isNewMount: isNewMount, log: .disabled)
    }

    private func file(_ name: String) -> OriginPath { OriginPath(origin: "a", path: Array(name.utf8)) }
    private func name(_ file: OriginPath) -> String { String(decoding: file.path, as: UTF8.self) }

    private func opening(_ handle: UInt64, _ name: String, at time: Int64, needed: UInt64 = 30) -> History.Entry {
        .opened(
            History.Opening(
                handle: handle, file: file(name), time: time, since: UInt64(time - start) + 1000 * second,
                needed: needed * second))
    }

    private func release(_ handle: UInt64, at time: Int64) -> History.Entry {
        .released(handle: handle, at: UInt64(time - start) + 1000 * second)
    }

    /// Plays files one after the other, for 200 s each.
    ///
    /// - Returns: when the last one ended.
    @discardableResult
    private func play(_ history: History, _ names: [String], at begin: Int64) -> Int64 {
        var time = begin
        for name in names {
            history.note([opening(UInt64(time - start), name, at: time)])
            let end = time + Int64(200 * second)
            history.note([release(UInt64(time - start), at: end)])
            time = end + 1
        }
        return time
    }

    private func plays(_ history: History) throws -> [String] {
        try history.rows(onlyPlays: true, limit: 100).reversed().map { name($0.file) }
    }

    // MARK: Plays

    @Test(
        arguments: [
            (nil, 30_000), (0, 30_000), (-5, 30_000), (240_000, 30_000), (60_000, 30_000), (59_000, 29_500),
            (7000, 3500),
            (1, 0), (Int64.max, 30_000),
        ] as [(Int64?, UInt64)])
    func aPlayTakesHalfAMinuteOrHalfTheDuration(duration: Int64?, milliseconds: UInt64) {
        let needed = History.needed(duration: duration)
        #expect(needed / 1_000_000 == milliseconds)
        // Half of a millisecond is no nothing.
        if duration == 1 { #expect(needed == 500_000) }
    }

    @Test func whatIsHeldLongEnoughWasPlayed() throws {
        let history = make()
        let one = Int64(second)
        history.note([
            opening(1, "scanned", at: start), release(1, at: start + one / 100),
            opening(2, "nearly", at: start + one), release(2, at: start + 31 * one - 1),
            opening(3, "just", at: start + 2 * one), release(3, at: start + 32 * one),
            opening(4, "short", at: start + 3 * one, needed: 2), release(4, at: start + 5 * one),
            opening(5, "held", at: start + 4 * one),
        ])
        let rows = try history.rows(onlyPlays: false, limit: 100)
        #expect(rows.map { name($0.file) } == ["held", "short", "just", "nearly", "scanned"])
        #expect(rows.map(\.isPlay) == [false, true, true, false, false])
        #expect(rows.map(\.held) == [nil, 2 * one, 30 * one, 30 * one - 1, one / 100])
        #expect(try plays(history) == ["just", "short"])
        // Told twice, where a server died in between; and never opened as far as is known.
        history.note([release(3, at: start + 90 * one), release(77, at: start + 90 * one)])
        #expect(try history.rows(onlyPlays: false, limit: 100) == rows)
    }

    /// The server that saw it opened is not the one that sees it released.
    @Test func whatAPredecessorOpenedIsReleased() throws {
        let one = Int64(second)
        make().note([opening(1 << 40 | 7, "a", at: start)])
        let successor = make()
        let plays = successor.note([release(1 << 40 | 7, at: start + 31 * one)])
        #expect(plays == 1)
        #expect(try self.plays(successor) == ["a"])
    }

    /// Its handles are given out anew, and nobody saw what became of them.
    @Test func whatAnotherMountOpenedIsNotTakenForThisOnes() throws {
        let one = Int64(second)
        make().note([opening(7, "a", at: start)])
        let next = make(isNewMount: true)
        next.note([
            opening(8, "b", at: start + one), release(7, at: start + 90 * one), release(8, at: start + 90 * one),
        ])
        #expect(try plays(next) == ["b"])
    }

    @Test func atTheEndOfTheMountWhatIsOpenIsHeldNoLonger() throws {
        let history = make()
        let now = monotonicNanoseconds()
        for (handle, seconds) in [(1, 40), (2, 3)] as [(UInt64, UInt64)] {
            history.note([
                .opened(
                    History.Opening(
                        handle: handle, file: file("\(seconds)"), time: start, since: now - seconds * second,
                        needed: 30 * second))
            ])
        }
        history.endMount { $0 != 99 }
        #expect(try plays(history) == ["40"])
    }

    // MARK: Sequences

    @Test func sequencesAreLearnedWhenTheyComeTwice() throws {
        let history = make()
        var time = play(history, ["a", "b", "c"], at: start)
        #expect(try history.successors(of: file("a"), limit: 5) == [])
        time = play(history, ["a", "b", "d"], at: time + day)
        #expect(try history.successors(of: file("a"), limit: 5) == [PlayCount(file: file("b"), count: 2)])
        #expect(try history.successors(of: file("b"), limit: 5) == [])
        // Over night nothing follows on anything, and what is repeated not on itself.
        time = play(history, ["b", "c", "c", "c"], at: time + day)
        #expect(try history.successors(of: file("b"), limit: 5) == [PlayCount(file: file("c"), count: 2)])
        #expect(try history.successors(of: file("d"), limit: 5) == [])
        #expect(try history.successors(of: file("c"), limit: 5) == [])
        #expect(try history.successors(of: file("unknown"), limit: 5) == [])
        play(history, ["a", "x", "a", "x", "a", "x"], at: time + day)
        #expect(try history.successors(of: file("a"), limit: 5).map { name($0.file) } == ["x", "b"])
    }

    /// Each of two who listen at the same time has a sequence of one's own, though their tracks begin in turn.
    @Test func whoListensBesideAnotherHasAnOwnSequence() throws {
        let history = make()
        let one = Int64(second)
        for round in 0..<2 {
            var entries: [(Int64, History.Entry)] = []
            let begin = start + Int64(round) * day
            for (listener, shift) in [("a", 0), ("b", 70)] as [(String, Int64)] {
                for number in 0..<4 {
                    let at = begin + (shift + Int64(number) * 200) * one
                    let handle = UInt64(round * 100 + number * 2) + (listener == "a" ? 0 : 1)
                    entries.append((at, opening(handle, "\(listener)\(number)", at: at)))
                    entries.append((at + 200 * one - 1, release(handle, at: at + 200 * one - 1)))
                }
            }
            for (_, entry) in entries.sorted(by: { $0.0 < $1.0 }) { history.note([entry]) }
        }
        for listener in ["a", "b"] {
            for number in 0..<3 {
                #expect(
                    try history.successors(of: file("\(listener)\(number)"), limit: 5)
                        == [PlayCount(file: file("\(listener)\(number + 1)"), count: 2)])
            }
        }
    }

    @Test func scannersTeachNothing() throws {
        let history = make()
        for round in 0..<3 {
            for (number, name) in ["a", "b", "c"].enumerated() {
                let time = start + Int64(round) * day + Int64(number)
                history.note([opening(UInt64(number), name, at: time), release(UInt64(number), at: time + 1000)])
            }
        }
        #expect(try history.successors(of: file("a"), limit: 5) == [])
        #expect(try history.favourites(hour: localHour(start), limit: 5) == [])
        #expect(try history.mostPlayed(limit: 5) == [])
        #expect(try history.played(since: 0).isEmpty)
    }

    @Test func hoursAndCounts() throws {
        let history = make()
        play(history, ["morning"], at: start)
        play(history, ["morning"], at: start + day)
        play(history, ["once"], at: start + 2 * day)
        play(history, ["later", "often"], at: start + 5 * 3600 * Int64(second))
        play(history, ["often", "often"], at: start + day + 5 * 3600 * Int64(second))
        let hour = localHour(start)
        #expect(try history.favourites(hour: hour, limit: 5) == [PlayCount(file: file("morning"), count: 2)])
        #expect(try history.favourites(hour: (hour + 5) % 24, limit: 5) == [PlayCount(file: file("often"), count: 3)])
        #expect(try history.favourites(hour: (hour + 9) % 24, limit: 5) == [])
        #expect(try history.mostPlayed(limit: 2).map { name($0.file) } == ["often", "morning"])
        let last = try history.played(since: start + day)
        #expect(last.map { name($0.file) } == ["once", "often", "morning"])
        #expect(last.last?.time == start + day)
        // A file that is only read tells the same.
        let file = HistoryFile(path)
        #expect(try file.mostPlayed(limit: 100) == history.mostPlayed(limit: 100))
        #expect(try file.mostPlayed(limit: 2).count == 2)
        for time in [0, start + day, start + 9 * day] {
            let (read, known) = (try file.played(since: time), try history.played(since: time))
            #expect(read.map(\.file) == known.map(\.file) && read.map(\.time) == known.map(\.time))
        }
    }

    // MARK: Keeping

    @Test func whatIsOlderThanIsKeptGoes() throws {
        let history = make(keep: .seconds(10 * 86_400))
        var time = play(history, ["a", "b"], at: start)
        time = play(history, ["a", "b"], at: time + 5 * day)
        history.note([opening(9, "held", at: start + 1)])
        #expect(try history.successors(of: file("a"), limit: 5).count == 1)
        #expect(history.prune(now: start + 9 * day) == 0)
        #expect(history.prune(now: start + 11 * day) == 2)
        #expect(try plays(history) == ["a", "b"])
        // What it was learned of is half gone.
        #expect(try history.successors(of: file("a"), limit: 5) == [])
        // What is still open is not forgotten.
        #expect(history.prune(now: start + 40 * day) == 2)
        history.note([release(9, at: start + 41 * day)])
        #expect(try plays(history) == ["held"])
        #expect(history.prune(now: start + 41 * day) == 1)
        #expect(try history.rows(onlyPlays: false, limit: 10) == [])
        let rows = try Database.open(path, .readOnly).integer("SELECT count(*) FROM files")
        #expect(rows == 0)
    }

    /// A scanner opens everything, every night.
    @Test func accessesThatAreNoPlaysAreBounded() throws {
        let history = make()
        play(history, ["a"], at: start)
        history.note((1...200).map { opening($0, "s\($0)", at: start + Int64($0)) })
        history.note((1...200).map { release($0, at: start + Int64($0) + 5) })
        #expect(history.prune(now: start, keptAccesses: 190) == 0)
        #expect(history.prune(now: start, keptAccesses: 50) == 150)
        let rows = try history.rows(onlyPlays: false, limit: 1000)
        #expect(rows.count == 51 && rows.map { name($0.file) }.contains("a"))
        #expect(rows.map { name($0.file) }.contains("s200") && !rows.map { name($0.file) }.contains("s150"))
    }

    @Test func nothingIsKeptWhereNothingIsToBe() throws {
        let history = make(keep: .zero)
        play(history, ["a"], at: start)
        #expect(try history.rows(onlyPlays: false, limit: 10) == [])
    }

    // MARK: Trouble

    private func spoil(at offset: Int, _ count: Int) throws {
        let file = try open(path, [.readWrite])
        var bytes = try readFully(file.raw, at: 0, count: Int(try FileStatus.of(path).size))
        for place in offset..<min(offset + count, bytes.count) { bytes[place] = 0x55 }
        let target = try open(path, [.write])
        try writeFully(target.raw, bytes)
    }

    @Test(arguments: ["header", "page", "another", "newer", "text"])
    func aDamagedOneIsBegunAnew(manner: String) throws {
        do {
            let history = make()
            for round in 0..<200 {
                play(history, ["a\(round)", "b\(round)"], at: start + Int64(round) * 3600 * Int64(second))
            }
            history.close()
        }
        switch manner {
        case "header": try spoil(at: 0, 4096)
        case "page": try spoil(at: 4096, 4096 * 4)
        case "another": try Database.open(path, .readWrite).execute("PRAGMA application_id=1")
        case "newer": try Database.open(path, .readWrite).execute("PRAGMA user_version=99")
        default: try writeFileAtomically(path, Array(repeating: UInt8(ascii: "x"), count: 10_000))
        }
        let history = make()
        // A damaged page may be met at once, or when it is looked for.
        let found = try history.check(isFull: false)
        #expect(!found.isEmpty)
        play(history, ["new"], at: start)
        #expect(try plays(history) == ["new"])
        #expect(history.problem == nil && history.lost.value == 0)
        #expect(try history.check(isFull: true) == [])
        let folder = try open(directory.path, [.read, .directory])
        let names = try listDirectory(folder.raw, path: directory.path)
        #expect(names.contains { String(decoding: $0.name, as: UTF8.self).hasPrefix("history.db.bad-") })
    }

    /// Whatever is overwritten, it is read or begun anew, and never the end of the process.
    @Test func randomDamageIsSurvived() throws {
        let folder = directory.path
        for seed in 0..<UInt64(Rounds.of(5, full: 2000)) {
            var random = SeededGenerator(seed: seed)
            try removeTree(folder)
            try createDirectories(folder)
            do {
                let history = make()
                for round in 0..<20 { play(history, ["a", "b\(round)", "c"], at: start + Int64(round) * day) }
                history.note([opening(7, "held", at: start)])
                if Bool.random(using: &random) { history.close() }
            }
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let victim = [path, path, path.suffixed("-wal")][Int.random(in: 0..<3, using: &random)]
                guard let size = try? FileStatus.of(victim).size, size > 0 else { continue }
                var bytes = try readFile(victim)
                let offset = Int.random(in: 0..<bytes.count, using: &random)
                for place in offset..<min(bytes.count, offset + Int.random(in: 1...2000, using: &random)) {
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                }
                let target = try open(victim, [.write])
                try writeFully(target.raw, bytes)
            }
            let history = make(isNewMount: Bool.random(using: &random))
            _ = try? history.rows(onlyPlays: false, limit: 1000)
            _ = try? history.successors(of: file("a"), limit: 10)
            _ = try? history.favourites(hour: localHour(start), limit: 10)
            _ = try? history.played(since: 0)
            history.note([release(7, at: start + day)])
            history.prune(now: start + 40 * day)
            _ = try? history.check(isFull: true)
            // By now it was found out, whatever it was.
            play(history, ["new", "newer"], at: start + 50 * day)
            let found = try plays(history)
            #expect(found.suffix(2) == ["new", "newer"], "seed \(seed): \(found), \(history.problem ?? "")")
        }
    }

    @Test func oneThatIsDeletedWhileItIsOpenIsMadeAgain() throws {
        let history = make()
        play(history, ["a"], at: start)
        try removeTree(directory.path)
        try createDirectories(directory.path)
        play(history, ["b"], at: start + day)
        #expect(try plays(history) == ["b"])
    }

    /// It is told once, costs what would have been written, and nothing else.
    @Test func aDiskThatTakesNothingIsToldOnce() throws {
        let log = LogLines()
        let history = History(
            directory.path, keep: .seconds(86_400), isNewMount: false,
            log: LogSystem(handlers: [log], filter: LogFilter(.info)).logger("history"))
        // Where a directory is no file can be made, whoever asks.
        try createDirectories(path)
        for number in 0..<5 { play(history, ["\(number)"], at: start + Int64(number) * day) }
        #expect(history.lost.value == 10)
        #expect(history.problem?.contains("history.db") == true)
        #expect(log.count(containing: "nothing is noted in the history") == 1)
        #expect(throws: CacheError.self) { try history.rows(onlyPlays: false, limit: 1) }
    }

    @Test func itIsReadWithoutADaemon() throws {
        #expect(try HistoryFile(path).rows(onlyPlays: false, limit: 5) == [])
        let history = make()
        play(history, ["a", "b"], at: start)
        for isOpen in [true, false] {
            if !isOpen { history.close() }
            #expect(try HistoryFile(path).rows(onlyPlays: true, limit: 1).map { name($0.file) } == ["b"])
        }
        #expect(try History.problems(path, isFull: true) == [])
    }
}

/// What was logged.
private final class LogLines: LogHandler {
    private let messages = Mutex<[String]>([])

    func log(event: LogEvent) { messages.withLock { $0.append(event.message) } }
    func count(containing text: String) -> Int { messages.withLock { $0.count { $0.contains(text) } } }
}
