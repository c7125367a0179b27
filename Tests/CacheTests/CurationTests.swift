import MusicFSCache
import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

/// What people made is never lost, nor begun anew where there was some.
@Suite struct CurationTests {
    private let directory: TestDirectory
    private var path: FilePath { directory.path.appending("curation.db") }
    private var backups: FilePath { directory.path.appending("backups") }

    init() throws { directory = try TestDirectory() }

    private func make() -> Curation { Curation(directory.path, log: .disabled) }

    private func pin(_ curation: Curation, _ names: String...) throws {
        try curation.setPinned(names.map { OriginPath(origin: "a", path: Array($0.utf8)) }, true)
    }

    private func pins(_ curation: Curation) throws -> [String] {
        try curation.pins().map { String(decoding: $0.path, as: UTF8.self) }
    }

    /// Makes one with a pin and a backup of it, and closes it.
    private func prepare(_ names: String..., backsUp: Bool = true) throws {
        let curation = make()
        for name in names { try pin(curation, name) }
        if backsUp { #expect(try curation.backUpIfChanged() != nil) }
    }

    private func spoil(_ path: FilePath) throws {
        let file = try open(path, [.write])
        try writeFully(file.raw, [UInt8](repeating: 0x55, count: 6000))
    }

    private func names(_ path: FilePath, _ prefix: String = "") throws -> [String] {
        let folder = try open(path, [.read, .directory])
        return try listDirectory(folder.raw, path: path).map { String(decoding: $0.name, as: UTF8.self) }
            .filter { $0.hasPrefix(prefix) && $0 != "." && $0 != ".." }.sorted()
    }

    private func exists(_ path: FilePath) -> Bool { (try? FileStatus.of(path)) != nil }

    private func backup() throws -> FilePath { backups.appending(try #require(names(backups).first)) }

    // MARK: Beginning

    @Test(arguments: ["damaged", "newer", "unreadable"])
    func noneIsBegunAnewWhereNoBackupCanBeUsed(manner: String) throws {
        try prepare("x")
        let backup = try backup()
        switch manner {
        case "damaged": try spoil(backup)
        case "newer": try Database.open(backup, .readWrite).execute("PRAGMA user_version=9")
        default:
            try rename(backup, to: directory.path.appending("y"))
            try createDirectories(backup)
        }
        let before = try? readFile(backup)
        for isEmpty in [false, true] {
            try unlink(path)
            if isEmpty { try writeFileAtomically(path, []) }
            let curation = make()
            #expect(curation.problem?.contains("musicfs restore") == true, "\(curation.problem ?? "")")
            #expect(throws: CacheError.self) { try pin(curation, "y") }
            #expect(try curation.backUpIfChanged() == nil)
            #expect((try? readFile(backup)) == before)
            #expect((try? FileStatus.of(path).size) == (isEmpty ? 0 : nil))
            if !isEmpty { try writeFileAtomically(path, []) }
        }
    }

    @Test func noneIsBegunAnewWhereOneWasKept() throws {
        try prepare("x", backsUp: false)
        try rename(path, to: path.suffixed(".before-restore-7"))
        #expect(make().problem?.contains("to begin anew") == true)
        #expect(!exists(path))
        try rename(path.suffixed(".before-restore-7"), to: directory.path.appending("elsewhere"))
        #expect(make().problem == nil)
    }

    @Test func anEmptyFileWithoutBackupsIsNew() throws {
        try writeFileAtomically(path, [])
        let curation = make()
        #expect(curation.problem == nil)
        try pin(curation, "x")
        #expect(try pins(curation) == ["x"])
    }

    @Test func oneThatCannotBeUsedIsTriedAgainWhenItsFileChanges() throws {
        try prepare("x", backsUp: false)
        let good = directory.path.appending("good")
        try writeFileAtomically(good, readFile(path))
        try spoil(path)
        let curation = make()
        #expect(curation.problem?.contains("no good backup") == true)
        #expect(throws: CacheError.self) { try pin(curation, "y") }
        try rename(good, to: path)
        curation.followFile()
        #expect(curation.problem == nil)
        #expect(try pins(curation) == ["x"])
    }

    // MARK: Restoring

    @Test func whatIsToBeRestoredIsLookedThroughBefore() throws {
        try prepare("x")
        let restored = directory.path.appending(Curation.restoreName)
        let good = try readFile(backup())
        // As one that was not written to its end.
        try writeFileAtomically(restored, Array(good.prefix(good.count / 2)))
        let curation = make()
        try pin(curation, "y")
        #expect(try pins(curation) == ["x", "y"])
        #expect(!exists(restored))
        #expect(try names(directory.path, "curation.db.before-restore").isEmpty)

        try writeFileAtomically(restored, good)
        #expect(try pins(make()) == ["x"])
        #expect(try names(directory.path, "curation.db.before-restore").count == 1)
    }

    @Test func onlyTheNewestOfThoseThatWereKeptStay() throws {
        try prepare("x")
        // One that a clock which is ahead has given its number.
        try writeFileAtomically(path.suffixed(".damaged-99999999999"), [])
        for _ in 0..<12 {
            try spoil(path)
            #expect(try pins(make()) == ["x"])
        }
        let kept = try names(directory.path, "curation.db.damaged-")
        #expect(kept.count == 10 && kept.last == "curation.db.damaged-100000000011", "\(kept)")
    }

    // MARK: Errors

    /// A statement that fails says nothing about the file.
    @Test func aFailureIsNoReasonToTakeAnOlderBackup() throws {
        try prepare("x")
        let curation = make()
        try pin(curation, "y")
        let saboteur = try Database.open(path, .readWrite)
        try saboteur.execute(
            """
            CREATE TRIGGER boom BEFORE INSERT ON pins BEGIN SELECT RAISE(ABORT, 'boom'); END;
            CREATE VIEW backup AS SELECT 1
            """)
        #expect(throws: CacheError.self) { try pin(curation, "z") }
        #expect(throws: CacheError.self) { try curation.backUpIfChanged() }
        #expect(try pins(curation) == ["x", "y"])
        #expect(try names(directory.path, "curation.db.") == [])
    }

    @Test func aCheckTellsWhatWasReplaced() throws {
        try prepare("x")
        let curation = make()
        #expect(try curation.check(isFull: false) == [])
        try spoil(path)
        #expect(try !curation.check(isFull: false).isEmpty)
        #expect(try pins(curation) == ["x"])
        #expect(try curation.check(isFull: false) == [])
    }

    // MARK: Backups

    /// Whatever the clock says, that which was written last is the newest.
    @Test func backupsAreOrderedAsTheyWereWritten() throws {
        for number in 1...8 {
            try prepare("\(number)")
            let today = try #require(names(backups).first { !$0.contains("-2999-") })
            try rename(backups.appending(today), to: backups.appending("curation-2999-01-0\(number).db"))
        }
        try prepare("9")
        let left = try names(backups)
        #expect(left.count == 7 && left.contains { !$0.contains("-2999-") }, "\(left)")
        #expect(!left.contains("curation-2999-01-02.db") && left.contains("curation-2999-01-03.db"))
        try unlink(path)
        #expect(try pins(make()) == (1...9).map { "\($0)" })
    }

    @Test func aBackupIsWrittenWhereSomethingHasChanged() throws {
        try prepare("x")
        let curation = make()
        #expect(try curation.backUpIfChanged() == nil)
        try pin(curation, "y")
        #expect(try curation.backUpIfChanged() != nil)
        #expect(try curation.backUpIfChanged() == nil)
        // By another process, which came to no backup.
        try prepare("z", backsUp: false)
        #expect(try make().backUpIfChanged() != nil)
    }
}
