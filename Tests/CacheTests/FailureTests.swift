import MusicFSCache
import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

/// A batch that fails in its middle changes nothing, and the next one goes on as if it had not been (resilience 2.9).
@Suite struct FailureTests {
    /// The n-th of these inserts fails, as on a damaged or full disk.
    @Test(arguments: ["nodes", "tracks", "replicas", "versions", "folders"], [1, 3])
    func aBatchThatThrowsMidwayChangesNothing(table: String, count: Int) throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("library.db")
        let (library, origins) = try makeLibrary(path)
        var model = LibraryModel()
        for number in 1...3 { add(&model, origins, "old", number) }
        try library.apply(model.files.keys.map(model.change))
        let before = try LibraryModel.dump(library)
        let (lastChange, totals) = (library.lastChange, try library.makeReader().totals())

        let saboteur = try Database.open(path, .readWrite)
        let rows = try #require(try saboteur.integer("SELECT count(*) FROM \(table)"))
        try saboteur.execute(
            """
            CREATE TRIGGER boom BEFORE INSERT ON \(table) WHEN (SELECT count(*) FROM \(table)) >= \(rows + Int64(count) - 1)
            BEGIN SELECT RAISE(ABORT, 'boom'); END
            """)
        var wanted = model
        for number in 1...5 { add(&wanted, origins, "new\(number)", number) }
        let new = wanted.files.keys.filter { model.files[$0] == nil }
        #expect(throws: CacheError.self) { try library.apply(new.map(wanted.change)) }
        #expect(try LibraryModel.dump(library) == before)
        #expect(library.lastChange == lastChange)
        #expect(try library.makeReader().totals() == totals)

        try saboteur.execute("DROP TRIGGER boom")
        try library.apply(new.map(wanted.change))
        let (scratch, _) = try makeLibrary(directory.path.appending("scratch.db"))
        try scratch.apply(wanted.files.keys.map(wanted.change))
        #expect(try LibraryModel.dump(library) == LibraryModel.dump(scratch))
        #expect(try library.makeReader().integrityProblems(full: true) == [])
    }

    /// Numbers that no library ever has are damage, and not numbers to reckon with.
    @Test(arguments: [
        "UPDATE meta SET value = 9223372036854775807 WHERE key = 'next_node'",
        "UPDATE meta SET value = -1 WHERE key = 'next_change'",
        "UPDATE meta SET value = 9007199254740993 WHERE key = 'bytes'",
        "UPDATE meta SET value = 'text' WHERE key = 'epoch'",
    ])
    func absurdCountersAreDamage(statement: String) throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("library.db")
        do {
            let (library, origins) = try makeLibrary(path)
            var model = LibraryModel()
            add(&model, origins, "old", 1)
            try library.apply(model.files.keys.map(model.change))
        }
        try Database.open(path, .readWrite).execute(statement)
        let options = Library.Options(
            template: .standard, showsCompanions: true, nextEpoch: { 77 },
            onCommit: { _, _ in })
        // Without an epoch it is no library of this version, which is made anew at once.
        if statement.contains("epoch") {
            #expect(try Library.open(path, options).epoch == 77)
        } else {
            let error = #expect(throws: CacheError.self) { _ = try Library.open(path, options) }
            #expect(error?.code == .damaged)
        }
    }

    @Test(arguments: ["id = 68719476736", "id = -5", "version = 68719476736", "version = -1"])
    func absurdIdsOfNodesAreDamage(change: String) throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("library.db")
        let (library, origins) = try makeLibrary(path)
        var model = LibraryModel()
        add(&model, origins, "old", 1)
        try library.apply(model.files.keys.map(model.change))
        try Database.open(path, .readWrite).execute("UPDATE nodes SET \(change) WHERE parent = 1")
        let reader = try library.makeTreeReader()
        let error = #expect(throws: CacheError.self) {
            _ = try reader.children(of: 1, after: -100, limit: 10)
        }
        #expect(error?.code == .damaged)
    }

    /// What the writer keeps in memory of the origins is rolled back too: their order decides about names.
    @Test func originsThatCouldNotBeChangedKeepTheirOrder() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("library.db")
        let (library, origins) = try makeLibrary(path)
        let saboteur = try Database.open(path, .readWrite)
        try saboteur.execute(
            """
            CREATE TRIGGER boom BEFORE INSERT ON meta WHEN NEW.key = 'placed_up_to'
            BEGIN SELECT RAISE(ABORT, 'boom'); END
            """)
        func settings(_ names: [String]) -> [OriginSetting] {
            names.enumerated().map {
                OriginSetting(name: $0.element, type: "local", root: "/x", priority: $0.offset + 1)
            }
        }
        #expect(throws: CacheError.self) { try library.setOrigins(settings(["b", "a"])) }
        try saboteur.execute("DROP TRIGGER boom")
        var model = LibraryModel()
        for name in ["a", "b"] { add(&model, ["a": origins[name] ?? 0], "x", 1) }
        try library.apply(model.files.keys.map(model.change))
        let (scratch, _) = try makeLibrary(directory.path.appending("scratch.db"))
        try scratch.apply(model.files.keys.map(model.change))
        #expect(try LibraryModel.dump(library) == LibraryModel.dump(scratch))
    }

    private func add(_ model: inout LibraryModel, _ origins: [String: Int64], _ folder: String, _ number: Int) {
        let file = OriginFile(origin: origins["a"] ?? 1, folder: Array(folder.utf8), name: Array("\(number).flac".utf8))
        let report = MediaReport(tags: LibraryModel.tags([.artist: "A", .album: folder, .title: "T\(number)"]))
        model.files[file] = LibraryModel.File(
            stamp: FileStamp(size: 7, modified: 1, inode: UInt64(number)), content: .report(report))
    }
}
