import Glibc
import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// What lies on the cache's disk is not what was written, or cannot be read.
@Suite struct StoreDamageTests {
    typealias Rig = ContentCacheTests.Rig

    private let sources = (0..<6).map { PatternSource(seed: UInt64(100 + $0), size: 150_000 + Int64($0) * 50_000) }

    /// A store with all of the sources in it, closed.
    private func fill(_ directory: TestDirectory) throws {
        let rig = try Rig(directory)
        for (number, source) in sources.enumerated() {
            let content = rig.open(source, name: "\(number)")
            #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        }
        try rig.cache.setPinned([rig.info(sources[0], nil, "0").key], true)
        #expect(try rig.flush { storedBytes(rig) == wholeSize })
        rig.cache.close()
    }

    private var wholeSize: Int64 { sources.reduce(0) { $0 + $1.size } }

    private func storedBytes(_ rig: Rig) -> Int64 {
        sources.enumerated().reduce(0) { $0 + rig.cache.storedCount(rig.info($1.element, nil, "\($1.offset)").key) }
    }

    private func files(_ directory: TestDirectory) -> PackFiles {
        PackFiles(root: directory.path.appending("cache").appending("chunks"))
    }

    private func packs(_ directory: TestDirectory) throws -> [PackID] {
        var ids: [PackID] = []
        try files(directory).forEach(pack: { ids.append($0) }, stray: { Issue.record("stray \($0)") })
        return ids.sorted()
    }

    private func chunks(_ directory: TestDirectory) throws -> Set<ChunkID> {
        let files = files(directory)
        return Set(try packs(directory).flatMap { try files.contents(of: $0).chunks.map(\.id) })
    }

    private func indexPath(_ directory: TestDirectory) -> FilePath {
        directory.path.appending("cache").appending("cas.db")
    }

    @Test func whatCannotBeReadIsLeftAlone() throws {
        let directory = try TestDirectory()
        try fill(directory)
        let all = try packs(directory)
        let files = files(directory)
        let ids = all.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
        // Reading a link to itself fails with ELOOP, for root too; and like a file it can be deleted.
        for id in ids {
            try rename(files.path(id), to: directory.path.appending(id.text))
            #expect(unsafe symlink(files.path(id).description, files.path(id).description) == 0)
        }
        do {
            let rig = try Rig(directory)
            #expect(throws: SystemError.self) { try rig.cache.scrub(1000) { true } }
            for repairs in [false, true] {
                do {
                    _ = try rig.cache.check(repairs: repairs) { _ in true }
                    Issue.record("nothing was unreadable")
                } catch let error as ChunksUnreadable {
                    #expect(error.count == ids.count)
                }
            }
            #expect(rig.cache.store?.lastError != nil)
            #expect(try packs(directory) == all)
            #expect(storedBytes(rig) == wholeSize)
            rig.cache.close()
        }
        try DatabaseFile.remove(indexPath(directory))
        do {
            let rig = try Rig(directory)
            try rig.cache.flush()
            #expect(rig.cache.store?.lastError != nil)
            #expect(try packs(directory) == all)
            #expect(storedBytes(rig) < wholeSize)
            rig.cache.close()
        }
        for id in ids { try rename(directory.path.appending(id.text), to: files.path(id)) }
        let rig = try Rig(directory)
        #expect(try rig.flush { storedBytes(rig) == wholeSize })
        #expect(try rig.cache.check(repairs: false) { _ in true }?.isClean == true)
        rig.cache.close()
    }

    @Test(arguments: [1 << 62, Int64.min, -1, 0, 65_537, 5], ["chunks", "entries"])
    func aWrongLengthInTheIndexCostsNoChunk(length: Int64, table: String) throws {
        let directory = try TestDirectory()
        try fill(directory)
        let all = try chunks(directory)
        let database = try Database.open(indexPath(directory), .readWrite)
        try database.execute("UPDATE \(table) SET length = \(length)")
        try database.checkpoint()
        do {
            let rig = try Rig(directory)
            // Either finds out, and the index is made anew.
            _ = storedBytes(rig)
            _ = try? rig.cache.scrub(20) { true }
            _ = try? rig.cache.check(repairs: true) { _ in true }
            #expect(try chunks(directory) == all)
            rig.cache.close()
        }
        guard table == "chunks" || length != 5 else { return }
        let rig = try Rig(directory)
        #expect(rig.eventually { storedBytes(rig) == wholeSize })
        #expect(try rig.cache.check(repairs: false) { _ in true }?.isClean == true)
        rig.cache.close()
    }

    // MARK: Any value anywhere

    private struct Column {
        var table: String
        var key: String
        var name: String
    }

    private static let columns: [Column] = [
        ("meta", "key", ["value"]), ("chunks", "id", ["id", "length", "uses", "pack", "position"]),
        ("packs", "id", ["id", "size", "chunks"]),
        (
            "manifests", "id",
            [
                "id", "key", "size", "payload_start", "payload_end", "origin", "queue", "rank", "frequency",
                "is_pinned", "bytes",
            ]
        ), ("entries", "manifest, offset", ["manifest", "offset", "length", "chunk", "pack", "position"]),
        ("ghosts", "key", ["rank"]),
        ("pins", "key", ["key"]),
    ].flatMap { table, key, names in names.map { Column(table: table, key: key, name: $0) } }

    /// An SQL expression for a value of any kind.
    private func value(_ column: Column, _ random: inout SeededGenerator) -> String {
        let numbers: [Int64] = [
            .min, .min + 1, -65_536, -1, 0, 1, 2, 191, 192, 65_535, 65_536, 65_537, 1 << 30, 1 << 31, 1 << 32,
            1 << 60, 1 << 62, .max - 65_536, .max - 1, .max,
        ]
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return "'x'"
        case 1: return "x''"
        case 2: return "CAST(\(column.name) AS TEXT)"
        case 3: return "1e300"
        case 4: return "\(Int64.random(in: .min ... .max, using: &random))"
        case 5: return "-\(column.name)"
        case 6:
            let digits = String(UInt64.random(in: 1 << 60 ... .max, using: &random), radix: 16)
            return "x'\(digits)\(digits)'"
        default: return "\(numbers.randomElement(using: &random) ?? 0)"
        }
    }

    @Test func noValueInTheIndexStopsTheStore() throws {
        let original = try TestDirectory()
        try fill(original)
        let index = try readFile(indexPath(original))
        let all = try chunks(original)
        let directory = try TestDirectory()
        try fill(directory)
        var random = SeededGenerator(seed: 7)
        for round in 0..<Rounds.of(44, full: 400) {
            // Each column in its turn, and then several at a time.
            var columns = [Self.columns[round % Self.columns.count]]
            if round >= 2 * Self.columns.count {
                for _ in 0..<3 { columns.append(Self.columns.randomElement(using: &random) ?? columns[0]) }
            }
            try DatabaseFile.remove(indexPath(directory))
            try writeFileAtomically(indexPath(directory), index)
            var done: [String] = []
            do {
                let database = try Database.open(indexPath(directory), .readWrite)
                for column in columns {
                    let rows = Bool.random(using: &random) ? 1000 : 1
                    let skip = rows == 1 ? Int.random(in: 0..<5, using: &random) : 0
                    let statement =
                        "UPDATE OR IGNORE \(column.table) SET \(column.name) = \(value(column, &random)) WHERE "
                        + "(\(column.key)) IN (SELECT \(column.key) FROM \(column.table) LIMIT \(rows) OFFSET \(skip))"
                    do throws(SQLiteError) {
                        try database.execute(statement)
                    } catch {
                        // The number of a row takes integers only.
                        if error.code == 20 { continue }
                        throw error
                    }
                    done.append(statement)
                }
                try database.checkpoint()
            }
            try use(directory, limit: round % 2 == 0 ? 1 << 30 : 600_000, done)
        }
        // With a sound index all is as it was, but for what had to go.
        try DatabaseFile.remove(indexPath(directory))
        let rig = try Rig(directory)
        try rig.cache.flush()
        #expect(try rig.cache.check(repairs: true) { _ in true } != nil)
        #expect(try rig.cache.check(repairs: false) { _ in true }?.isClean == true)
        for (number, source) in sources.enumerated() {
            let content = rig.open(source, name: "\(number)")
            #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        }
        // A file that is being written has another name.
        #expect(try rig.flush { storedBytes(rig) == wholeSize })
        rig.cache.close()
        #expect(try chunks(directory).isSuperset(of: all))
    }

    /// Does all that there is with a store; it answers, or says that something is wrong.
    private func use(_ directory: TestDirectory, limit: Int64, _ done: [String]) throws {
        let rig = try Rig(directory, limit: limit)
        for (number, source) in sources.enumerated() {
            let info = rig.info(source, nil, "\(number)")
            #expect(rig.cache.storedCount(info.key) >= 0)
            _ = rig.cache.storedBytes(info.key, 0..<source.size)
            let count = (try? rig.open(source, name: "\(number)").readNow(0..<source.size)?.get())?.count
            #expect(count.map(Int64.init) == source.size, "\(done)")
        }
        let new = PatternSource(seed: 5, size: 200_000)
        #expect(try rig.open(new, name: "new").readNow(0..<new.size)?.get() == new.bytes(0..<new.size), "\(done)")
        let payload = PatternSource(seed: 6, size: 400_000)
        _ = try? rig.cache.adopt(
            rig.info(sources[3], nil, "3").key, payloadStart: 0, for: rig.info(payload, 10_000..<400_000, "p"))
        _ = try? rig.cache.setPinned([rig.info(sources[1], nil, "1").key], true)
        _ = try? rig.cache.replacePins([rig.info(sources[2], nil, "2").key])
        _ = try? rig.cache.store?.perform { try $0.makeRoom(200_000) }
        _ = try? rig.cache.scrub(20) { true }
        _ = try? rig.cache.check(repairs: false) { _ in true }
        _ = try? rig.cache.forget(rig.info(sources[4], nil, "4").key)
        _ = try? rig.cache.check(repairs: true) { _ in true }
        if limit > 1 << 20 { _ = try? rig.cache.clear(origin: nil) }
        _ = rig.cache.statistics
        #expect(rig.cache.store?.isOff == false, "\(done) \(rig.cache.store?.lastError ?? "")")
        rig.cache.close()
        #expect(rig.cache.store?.work.withLock { $0.hasEnded } == true, "\(done)")
    }

    // MARK: Small parts

    @Test func aTrailerWithNumbersThatCannotBeIsNone() throws {
        let info = VersionInfo(
            key: ContentKey(origin: "o", path: [1], stamp: FileStamp(size: 1, modified: 2, inode: 3)), size: 1 << 40,
            payload: nil, origin: "o")
        let id = try #require(ChunkID(bytes: [UInt8](repeating: 1, count: 16)))
        func isRead(_ offset: Int64, _ length: Int) -> Bool {
            let place = ChunkPlace(pack: PackID(1), position: 0)
            let entry = Manifest.Entry(offset: offset, length: length, id: id, place: place)
            return ChunkTrailer(ChunkTrailer(info: info, entry, dataSize: 65_536).bytes) != nil
        }
        #expect(isRead(0, 1) && isRead(1 << 30, 65_536))
        #expect(!isRead(0, 0) && !isRead(0, -1) && !isRead(0, 65_537) && !isRead(0, 1 << 30))
        #expect(!isRead(-1, 1) && !isRead(.max, 65_536) && !isRead(.max - 65_535, 65_536))
    }

    @Test func theLastChunkOfTheLargestFileEnds() {
        let grid = ChunkGrid(size: .max, payload: nil)
        #expect(grid.chunk(at: .max - 1).upperBound == .max)
    }

    @Test func aFileOfTheSameNumberOnAnotherDeviceIsAnother() throws {
        let directory = try TestDirectory()
        let status = try FileStatus.of(directory.path)
        var other = status
        other.device &+= 1
        #expect(try FileIdentity.of(directory.path) == FileIdentity(status))
        #expect(FileIdentity(status) != FileIdentity(other))
        #expect(try FileIdentity.of(directory.path.appending("none")) == nil)
    }
}
