import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

@Suite struct DatabaseTests {
    @Test func valuesComeBackAsTheyWere() throws {
        let directory = try TestDirectory()
        let database = try Database.open(directory.path.appending("x.db"), .readWrite)
        try database.execute("CREATE TABLE t(a INTEGER, b TEXT, c BLOB)")
        let insert = try database.prepare("INSERT INTO t VALUES(?, ?, ?)")
        insert.bind(1, Int64.min)
        insert.bind(2, "a\u{0}é")
        insert.bind(3, [0, 255, 10])
        try insert.run()
        insert.bind(1, nil as Int64?)
        insert.bind(2, "")
        insert.bind(3, [])
        try insert.run()
        let select = try database.prepare("SELECT a, b, c FROM t ORDER BY rowid")
        #expect(try select.step())
        #expect(select.integer(0) == .min && select.text(1) == "a\u{0}é" && select.bytes(2) == [0, 255, 10])
        #expect(try select.step())
        #expect(select.isNull(0) && !select.isNull(1) && select.optionalBytes(2) == [])
        #expect(try !select.step())
    }

    @Test func aTransactionThatThrowsLeavesNothing() throws {
        struct Failure: Error {}
        let database = try Database.open("x", .memory)
        try database.execute("CREATE TABLE t(a)")
        #expect(throws: Failure.self) {
            try database.transaction {
                try database.execute("INSERT INTO t VALUES(1)")
                throw Failure()
            }
        }
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
    }

    @Test func aReaderSeesWhatWasCommittedAndWritesNothing() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("x.db")
        let writer = try Database.open(path, .readWrite)
        try writer.execute("PRAGMA journal_mode=WAL; CREATE TABLE t(a)")
        let reader = try Database.open(path, .readOnly)
        try writer.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES(1)")
        #expect(try reader.integer("SELECT count(*) FROM t") == 0)
        try writer.execute("COMMIT")
        #expect(try reader.integer("SELECT count(*) FROM t") == 1)
        #expect(throws: SQLiteError.self) { try reader.execute("INSERT INTO t VALUES(2)") }
    }

    @Test func aFileThatIsNoDatabaseIsToldByItsCode() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("x.db")
        try writeFileAtomically(path, Array(repeating: 0x41, count: 8192))
        #expect {
            let database = try Database.open(path, .readWrite)
            _ = try database.integer("SELECT count(*) FROM sqlite_master")
        } throws: { ($0 as? SQLiteError)?.code == 26 }
    }
}
