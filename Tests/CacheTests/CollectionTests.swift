import MusicFSCache
import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

/// Collections lie beside the pins, and cost those nothing.
@Suite struct CollectionTests {
    private let directory: TestDirectory
    private var path: FilePath { directory.path.appending("curation.db") }

    init() throws { directory = try TestDirectory() }

    private func make() -> Curation { Curation(directory.path, log: .disabled) }

    private let pin = OriginPath(origin: "a", path: [1, 2])

    private func add(_ curation: Curation, _ name: String, _ definition: String = "{}", replaces: Bool = false) throws
        -> Bool
    {
        try curation.setCollection(name, definition: definition, replaces: replaces).isSet
    }

    private func names(_ curation: Curation) throws -> [String] { try curation.collections().map(\.name) }

    private func version() throws -> Int64? { try Database.open(path, .readOnly).integer("PRAGMA user_version") }

    /// As the version before this one made it.
    private func makeFirstVersion() throws {
        let database = try Database.open(path, .readWrite)
        try database.execute(
            """
            PRAGMA application_id=1835430773;
            CREATE TABLE pins(origin TEXT NOT NULL, path BLOB NOT NULL, since INTEGER NOT NULL,
                PRIMARY KEY(origin, path)) WITHOUT ROWID;
            INSERT INTO pins VALUES('a', x'0102', 7);
            PRAGMA user_version=1
            """)
    }

    @Test func collectionsAreKeptByTheirNames() throws {
        let curation = make()
        #expect(try names(curation) == [])
        let serial = curation.serial
        #expect(try add(curation, "b", "1"))
        #expect(try add(curation, "a", "2"))
        #expect(try !add(curation, "b", "3"))
        #expect(try curation.collection(named: "b")?.definition == "1")
        #expect(curation.serial != serial)
        let created = try #require(try curation.collection(named: "b")).created
        #expect(try add(curation, "b", "3", replaces: true))
        let changed = try #require(try make().collection(named: "b"))
        #expect(changed.definition == "3" && changed.created == created && changed.updated >= created)
        #expect(try names(make()) == ["a", "b"])
        #expect(try curation.removeCollection(named: "c") == nil)
        #expect(try curation.removeCollection(named: "b")?.definition == "3")
        #expect(try names(make()) == ["a"])
    }

    @Test func aFileOfTheVersionBeforeIsChangedWhenACollectionIsMade() throws {
        try makeFirstVersion()
        let before = try readFile(path)
        do {
            let curation = make()
            #expect(curation.problem == nil)
            #expect(try curation.pins() == [pin])
            #expect(try names(curation) == [])
            #expect(try curation.collection(named: "x") == nil)
            #expect(try curation.removeCollection(named: "x") == nil)
            // Its version before it was changed can be had again.
            #expect(try curation.backUpIfChanged() != nil)
        }
        #expect(try readFile(path) == before)
        let curation = make()
        #expect(try add(curation, "x"))
        #expect(try version() == 2)
        #expect(try curation.pins() == [pin])
        #expect(try names(curation) == ["x"])
        #expect(try make().pins() == [pin])
        #expect(try Curation.problems(path, isFull: true) == [])
    }

    /// Whatever goes wrong on the way, the file is as it was.
    @Test func aMigrationThatFailsChangesNothing() throws {
        try makeFirstVersion()
        // Somebody's own table is in the way.
        try Database.open(path, .readWrite).execute("CREATE TABLE collections(x)")
        let before = try readFile(path)
        let curation = make()
        #expect(throws: CacheError.self) { try add(curation, "x") }
        #expect(try curation.pins() == [pin])
        #expect(try version() == 1)
        #expect(try readFile(path) == before)
    }

    @Test func aFileOfANewerVersionIsLeftAlone() throws {
        let first = make()
        #expect(try add(first, "x"))
        #expect(try first.backUpIfChanged() != nil)
        try Database.open(path, .readWrite).execute("ALTER TABLE collections ADD COLUMN colour; PRAGMA user_version=3")
        let before = try readFile(path)
        let curation = make()
        #expect(curation.problem?.contains("newer") == true, "\(curation.problem ?? "")")
        #expect(throws: CacheError.self) { try names(curation) }
        #expect(throws: CacheError.self) { try add(curation, "y") }
        #expect(throws: CacheError.self) { try curation.setPinned([pin], true) }
        #expect(throws: CacheError.self) { try curation.check(isFull: true) }
        #expect(try curation.backUpIfChanged() == nil)
        #expect(try readFile(path) == before)
        // As one who had it open before sees it.
        #expect(throws: CacheError.self) { try add(first, "y") }
        #expect(try readFile(path) == before)
    }

    @Test func collectionsAreRestoredAsPinsAre() throws {
        let curation = make()
        try curation.setPinned([pin], true)
        #expect(try add(curation, "x", "1"))
        let backup = try #require(try curation.backUpIfChanged())
        #expect(try Curation.problems(backup, isFull: true) == [])
        let good = try readFile(backup)
        let file = try open(path, [.write])
        try writeFully(file.raw, [UInt8](repeating: 0x55, count: 6000))
        #expect(try names(make()) == ["x"])
        #expect(try make().pins() == [pin])

        // A backup that lacks its table is none.
        let lacking = directory.path.appending(Curation.restoreName)
        try writeFileAtomically(lacking, good)
        try Database.open(lacking, .readWrite).execute("DROP TABLE collections")
        #expect(try names(make()) == ["x"])
        // One of the version before is taken as it is.
        let curated = make()
        #expect(try curated.removeCollection(named: "x") != nil)
        try writeFileAtomically(lacking, good)
        #expect(try names(make()) == ["x"])
    }
}
