import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

/// A database and what lies beside it.
@Suite struct DatabaseFileTests {
    private func names(_ directory: FilePath) throws -> Set<String> {
        let folder = try open(directory, [.read, .directory])
        return Set(try listDirectory(folder.raw, path: directory).map { String(decoding: $0.name, as: UTF8.self) })
            .subtracting([".", ".."])
    }

    @Test func whatLiesBesideADatabaseGoesWithIt() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("x.db")
        func fill() throws {
            for part in ["", "-wal", "-shm", "-journal"] {
                try writeFileAtomically(path.suffixed(part), Array(part.utf8))
            }
        }
        try fill()
        try DatabaseFile.move(path, to: directory.path.appending("y"))
        #expect(try names(directory.path) == ["y", "y-wal", "y-shm", "y-journal"])
        #expect(try readFile(directory.path.appending("y-journal")) == Array("-journal".utf8))
        try DatabaseFile.remove(directory.path.appending("y"))
        #expect(try names(directory.path) == [])
        try fill()
        try DatabaseFile.setAside(path)
        #expect(try names(directory.path).filter { $0.hasPrefix("x.db.bad-") }.count == 4)
    }

    /// There is never a moment at which neither the old one nor the new one is there.
    @Test func aDatabaseIsReplacedWithoutBeingRemoved() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("x.db")
        for part in ["", "-journal"] { try writeFileAtomically(path.suffixed(part), [1]) }
        let watch = try Inotify()
        _ = try watch.watch(directory.path)
        let database = try Database.open(directory.path.appending("source"), .readWrite)
        try database.execute("CREATE TABLE t(a)")
        try DatabaseFile.write(database, to: path) { try $0.execute("INSERT INTO t VALUES(7)") }
        #expect(try names(directory.path) == ["source", "x.db"])
        #expect(try Database.open(path, .readOnly).integer("SELECT a FROM t") == 7)
        let events = try watch.events(waiting: 1000).filter { $0.name == Array("x.db".utf8) }
        let isRemoved: UInt32 = 0x200
        #expect(events.contains { $0.isArrival })
        #expect(!events.contains { $0.mask & isRemoved != 0 }, "\(events)")
    }
}
