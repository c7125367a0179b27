import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// Packs some of whose chunks are shared, forgotten, or damaged.
@Suite struct PackTests {
    typealias Rig = ContentCacheTests.Rig

    private let source = PatternSource(seed: 11, size: 1_000_000)
    /// The same audio behind other tags.
    private let head: Int64 = 100_000

    private func files(_ rig: Rig) throws -> PackFiles { try #require(rig.cache.store).files }

    /// Bytes of all packs.
    private func bytesOnDisk(_ rig: Rig) throws -> Int64 {
        let files = try files(rig)
        var bytes: Int64 = 0
        try files.forEach(
            pack: { bytes += try FileStatus.of(files.path($0)).size }, stray: { Issue.record("stray \($0)") })
        return bytes
    }

    private func isClean(_ rig: Rig) throws -> Bool {
        try rig.cache.check(repairs: false) { _ in true }?.isClean == true
            && bytesOnDisk(rig) == rig.cache.statistics.usedBytes
    }

    /// Reads all of the source, and waits until it is stored.
    private func fill(_ rig: Rig) throws -> VersionInfo {
        let info = rig.info(source, head..<source.size)
        let content = rig.open(source, payload: head..<source.size)
        #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        #expect(try rig.flush { rig.cache.storedCount(info.key) == source.size })
        return info
    }

    /// A store with all of the source in it, closed.
    private func fill(_ directory: TestDirectory) throws -> VersionInfo {
        let rig = try Rig(directory)
        defer { rig.cache.close() }
        return try fill(rig)
    }

    private func changeIndex(_ directory: TestDirectory, _ sql: String) throws {
        let database = try Database.open(directory.path.appending("cache").appending("cas.db"), .readWrite)
        try database.execute(sql)
    }

    /// A version with the same audio behind a head of another length.
    private func retagged(_ rig: Rig) -> VersionInfo {
        let new = PatternSource(seed: 12, size: source.size + 5000)
        return rig.info(new, head + 5000..<source.size + 5000)
    }

    /// The store with an index that was made anew.
    private func reopenWithoutIndex(_ directory: TestDirectory) throws -> Rig {
        try DatabaseFile.remove(directory.path.appending("cache").appending("cas.db"))
        let rig = try Rig(directory)
        try rig.cache.flush()
        return rig
    }

    @Test func aPackStaysWhileOneOfItsChunksIsUsed() throws {
        let directory = try TestDirectory()
        let (old, new): (VersionInfo, VersionInfo)
        do {
            let rig = try Rig(directory)
            old = try fill(rig)
            new = retagged(rig)
            try rig.cache.adopt(old.key, payloadStart: head, for: new)
            #expect(rig.cache.storedCount(new.key) == source.size - head)
            #expect(try isClean(rig))
            try rig.cache.forget(old.key)
            #expect(rig.cache.storedCount(old.key) == 0)
            #expect(rig.cache.storedBytes(new.key, head + 5000..<new.size) == source.bytes(head..<source.size))
            // The old head takes room until the pack goes, and is nobody's.
            #expect(try isClean(rig))
            #expect(rig.cache.statistics.chunks == 14)
            rig.cache.close()
        }
        // Without the index the packs say the same, but for what else the old version was.
        let again = try reopenWithoutIndex(directory)
        #expect(again.cache.storedBytes(new.key, head + 5000..<new.size) == source.bytes(head..<source.size))
        #expect(again.cache.storedBytes(old.key, 0..<head) == nil)
        #expect(again.cache.statistics.chunks == 14)
        #expect(try isClean(again))
        try again.cache.forget(new.key)
        try again.cache.forget(old.key)
        #expect(try bytesOnDisk(again) == 0 && again.cache.statistics.usedBytes == 0)
        again.cache.close()
    }

    @Test func aDamagedChunkCostsNoOther() throws {
        let directory = try TestDirectory()
        let rig = try Rig(directory)
        let info = try fill(rig)
        let store = try #require(rig.cache.store)
        let entries = store.manifest(info.key).entries
        let bad = entries[entries.count / 2]
        let path = store.files.path(bad.place.pack)
        var bytes = try readFile(path)
        bytes[Int(bad.place.position) + 100] ^= 1
        try writeFileAtomically(path, bytes)
        let before = source.fetchedBytes
        let content = rig.open(source, payload: head..<source.size)
        #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        #expect(source.fetchedBytes - before == bad.length)
        #expect(try rig.flush { rig.cache.storedCount(info.key) == source.size })
        #expect(store.manifest(info.key).entry(at: bad.offset).entry?.place.pack != bad.place.pack)
        #expect(try isClean(rig))
        rig.cache.close()
        let again = try reopenWithoutIndex(directory)
        #expect(again.cache.storedBytes(info.key, 0..<source.size) == source.bytes(0..<source.size))
        #expect(try isClean(again))
        again.cache.close()
    }

    /// - Parameter trailer: which one is spoilt, counted from the end.
    @Test(arguments: [1, 3]) func aDamagedTrailerCostsItsChunkAlone(trailer: Int) throws {
        let directory = try TestDirectory()
        let (info, path, chunks): (VersionInfo, FilePath, Int64)
        do {
            let rig = try Rig(directory)
            info = try fill(rig)
            let store = try #require(rig.cache.store)
            let pack = try #require(store.manifest(info.key).entries.last).place.pack
            path = store.files.path(pack)
            chunks = rig.cache.statistics.chunks
            rig.cache.close()
        }
        var bytes = try readFile(path)
        bytes[bytes.count - trailer * ChunkTrailer.byteCount + 50] ^= 1
        try writeFileAtomically(path, bytes)
        do {
            let rig = try Rig(directory)
            #expect(try rig.cache.check(repairs: false) { _ in true }?.damaged == 1)
            rig.cache.close()
        }
        let again = try reopenWithoutIndex(directory)
        #expect(again.cache.statistics.chunks == chunks - 1)
        #expect(try isClean(again))
        let content = again.open(source, payload: head..<source.size)
        #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        again.cache.close()
    }

    @Test func repairMendsEachKindOfDamage() throws {
        let directory = try TestDirectory()
        let rig = try Rig(directory)
        let info = try fill(rig)
        let store = try #require(rig.cache.store)
        let entries = store.manifest(info.key).entries
        try #require(Set(entries.map(\.place.pack)).count == 1)
        let path = store.files.path(entries[0].place.pack)
        let whole = try readFile(path)
        let spoil: [([UInt8]) -> [UInt8]] = [
            { Array($0.prefix(100_000)) }, { Array($0.dropLast(40)) }, { _ in [] },
            { $0.enumerated().map { $0 == 1000 ? $1 ^ 1 : $1 } }, { $0 + [UInt8](repeating: 0, count: 384) },
            { [UInt8](repeating: 0, count: $0.count) },
        ]
        for (number, spoil) in spoil.enumerated() {
            try writeFileAtomically(path, spoil(whole))
            let found = try #require(try rig.cache.check(repairs: false) { _ in true })
            #expect(!found.isClean, "\(number) \(found)")
            _ = try rig.cache.check(repairs: true) { _ in true }
            #expect(try isClean(rig), "\(number)")
            let content = rig.open(source, payload: head..<source.size)
            #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
            #expect(try rig.flush { rig.cache.storedCount(info.key) == source.size })
            try rig.cache.forget(info.key)
            // The same pack as in the beginning, which the index does not know.
            try writeFileAtomically(path, whole)
            #expect(try rig.cache.check(repairs: false) { _ in true }?.orphans == entries.count)
            _ = try rig.cache.check(repairs: true) { _ in true }
            #expect(try isClean(rig))
            #expect(rig.cache.storedCount(info.key) == source.size)
        }
        rig.cache.close()
    }

    /// - Parameter tail: bytes of a trailer that was being written, or of none.
    @Test(arguments: [1, 100, 192, 5000]) func whatAnInterruptedWriteHasLeftCostsNothing(tail: Int) throws {
        let directory = try TestDirectory()
        let rig = try Rig(directory)
        let old = try fill(rig)
        let store = try #require(rig.cache.store)
        let pack = try #require(store.manifest(old.key).entries.last).place.pack
        let path = store.files.path(pack)
        let whole = try readFile(path)
        try writeFileAtomically(path, whole + [UInt8](repeating: ChunkTrailer.magic[0], count: tail))
        #expect(try store.files.contents(of: pack).chunks.count == rig.cache.statistics.chunks)
        let new = retagged(rig)
        try rig.cache.adopt(old.key, payloadStart: head, for: new)
        #expect(rig.cache.storedBytes(new.key, head + 5000..<new.size) == source.bytes(head..<source.size))
        #expect(try isClean(rig))
        rig.cache.close()
        let again = try reopenWithoutIndex(directory)
        #expect(again.cache.storedBytes(old.key, 0..<source.size) == source.bytes(0..<source.size))
        #expect(again.cache.storedBytes(new.key, head + 5000..<new.size) == source.bytes(head..<source.size))
        #expect(try isClean(again))
        again.cache.close()
    }

    @Test func aVersionThatComesBackTakesNoMoreRoom() throws {
        let rig = try Rig(TestDirectory())
        let old = try fill(rig)
        let new = retagged(rig)
        var sizes: Set<Int64> = []
        for _ in 0..<5 {
            try rig.cache.adopt(old.key, payloadStart: head, for: new)
            #expect(try isClean(rig))
            sizes.insert(try bytesOnDisk(rig))
            // As eviction does.
            let store = try #require(rig.cache.store)
            try store.perform { writer in
                writer.discard(try writer.index.transaction { try writer.index.remove(new.key) })
            }
        }
        #expect(sizes.count == 1)
        rig.cache.close()
    }

    @Test func whatWasForgottenDoesNotComeBack() throws {
        let directory = try TestDirectory()
        let rig = try Rig(directory)
        let old = try fill(rig)
        let new = retagged(rig)
        try rig.cache.adopt(old.key, payloadStart: head, for: new)
        try rig.cache.forget(new.key)
        #expect(try isClean(rig))
        rig.cache.close()
        let again = try reopenWithoutIndex(directory)
        #expect(again.cache.storedCount(new.key) == 0)
        #expect(again.cache.storedBytes(old.key, 0..<source.size) == source.bytes(0..<source.size))
        again.cache.close()
    }

    @Test(arguments: ["DELETE FROM packs", "UPDATE packs SET id = id + 7"])
    func aRowOfAPackThatIsGoneCostsNoChunk(change: String) throws {
        let directory = try TestDirectory()
        let info = try fill(directory)
        try changeIndex(directory, change)
        let rig = try Rig(directory)
        #expect(rig.eventually { (try? isClean(rig)) == true })
        // Nothing was fetched again.
        #expect(rig.cache.storedBytes(info.key, 0..<source.size) == source.bytes(0..<source.size))
        rig.cache.close()
    }

    /// As digital silence is.
    @Test func aChunkThatIsManyTimesInAFileIsStoredOnce() throws {
        let directory = try TestDirectory()
        let rig = try Rig(directory)
        let store = try #require(rig.cache.store)
        let count = 40
        let silence = [UInt8](repeating: 0, count: Int(ChunkGrid.chunkSize))
        let info = VersionInfo(
            key: ContentKey(origin: "o", path: [1], stamp: FileStamp(size: 1, modified: 2, inode: 3)),
            size: Int64(count) * ChunkGrid.chunkSize, payload: nil, origin: "o")
        // One that is being stored is not shared yet.
        let isWhole = try rig.flush {
            for number in 0..<count {
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: silence.count, alignment: 16)
                unsafe copy.copyBytes(from: silence)
                rig.cache.keep(info, [(Int64(number) * ChunkGrid.chunkSize, unsafe ContentBytes(owning: copy))])
            }
            return rig.cache.storedCount(info.key) == info.size
        }
        #expect(isWhole && rig.cache.statistics.chunks == 1)
        #expect(store.manifest(info.key).entries.count == count)
        #expect(rig.cache.storedBytes(info.key, 0..<info.size)?.allSatisfy { $0 == 0 } == true)
        #expect(try bytesOnDisk(rig) == ChunkGrid.chunkSize + Int64(count * ChunkTrailer.byteCount))
        #expect(try isClean(rig))
        rig.cache.close()
        let again = try reopenWithoutIndex(directory)
        #expect(again.cache.storedCount(info.key) == info.size)
        #expect(try isClean(again))
        again.cache.close()
    }

    @Test func manyLostChunksAreForgottenSoon() throws {
        let rig = try Rig(TestDirectory())
        let store = try #require(rig.cache.store)
        let count: Int64 = 20_000
        let origin = rig.info(source, nil)
        try store.perform { writer in
            try writer.index.transaction {
                for pack in 1...(count / 100) {
                    try writer.index.enter(PackID(pack), size: 1000)
                    var entries: [Manifest.Entry] = []
                    for number in 0..<Int64(100) {
                        let id = try #require(ChunkID(bytes: ContentHash.xxh3(Array("\(pack) \(number)".utf8))))
                        let offset = (pack * 100 + number) * 10
                        let place = ChunkPlace(pack: PackID(pack), position: number)
                        entries.append(Manifest.Entry(offset: offset, length: 10, id: id, place: place))
                    }
                    _ = try writer.index.add(entries, to: origin)
                }
            }
        }
        let report = try #require(try rig.cache.check(repairs: true) { _ in true })
        #expect(report.missing == Int(count))
        #expect(try isClean(rig) && rig.cache.statistics.chunks == 0)
        rig.cache.close()
    }

    @Test func aNumberIsGivenOnce() throws {
        let directory = try TestDirectory()
        var seen: Set<PackID> = []
        for _ in 0..<3 {
            let rig = try Rig(directory)
            let info = try fill(rig)
            let store = try #require(rig.cache.store)
            let packs = Set(store.manifest(info.key).entries.map(\.place.pack))
            #expect(!packs.isEmpty && seen.isDisjoint(with: packs))
            seen.formUnion(packs)
            try rig.cache.forget(info.key)
            rig.cache.close()
        }
    }

    @Test(arguments: [Int64(0), 5, 1 << 51, 1 << 52, 1 << 60])
    func aWrongNumberOfTheNextPackIsOvercome(number: Int64) throws {
        let directory = try TestDirectory()
        let old = try fill(directory)
        try changeIndex(directory, "UPDATE meta SET value = \(number) WHERE key = 'next_pack'")
        // And again without the index, by what the packs' names say.
        for round in 0..<3 {
            let rig = round == 2 ? try reopenWithoutIndex(directory) : try Rig(directory)
            let new = PatternSource(seed: UInt64(20 + round), size: 300_000)
            let info = rig.info(new, nil, "\(round)")
            #expect(try rig.open(new, name: "\(round)").readNow(0..<new.size)?.get() == new.bytes(0..<new.size))
            #expect(try rig.flush { rig.cache.storedCount(info.key) == new.size })
            #expect(rig.cache.storedCount(old.key) == source.size)
            #expect(try isClean(rig))
            // It comes to an end: soon the index is one that the next can open.
            let isNew = [5: [false, false, true], 1 << 51: [false, true, true]][number] ?? [true, false, true]
            #expect(try rig.cache.store?.perform { $0.index.isNew } == isNew[round])
            rig.cache.close()
        }
    }

    @Test(
        arguments: ["entries", "chunks"].flatMap { table in
            ["pack = pack + 1", "position = position + 1", "pack = 1000"].map { "UPDATE \(table) SET \($0)" }
        } + ["UPDATE entries SET length = length - 7"], [false, true])
    func aWrongPlaceInTheIndexIsPutRight(change: String, repairs: Bool) throws {
        let directory = try TestDirectory()
        let info = try fill(directory)
        try changeIndex(directory, change)
        let rig = try Rig(directory)
        if repairs {
            #expect(try rig.cache.check(repairs: false) { _ in true }?.isClean == false)
            // If need be with an index that is made anew.
            #expect(try rig.cache.check(repairs: true) { _ in true } != nil)
            #expect(try isClean(rig))
            #expect(rig.cache.storedCount(rig.info(source, head..<source.size).key) == source.size)
        }
        // Or readers find out.
        let content = rig.open(source, payload: head..<source.size)
        #expect(try content.readNow(0..<source.size)?.get() == source.bytes(0..<source.size))
        #expect(rig.eventually { rig.cache.storedBytes(info.key, 0..<source.size) == source.bytes(0..<source.size) })
        _ = try? rig.cache.check(repairs: true) { _ in true }
        #expect(rig.eventually { (try? isClean(rig)) == true })
        #expect(rig.cache.storedBytes(info.key, 0..<source.size) == source.bytes(0..<source.size))
        rig.cache.close()
    }

    @Test func whatIsNoPackTakesNoRoom() throws {
        let directory = try TestDirectory()
        let folder = directory.path.appending("cache").appending("chunks").appending("2a")
        try createDirectories(folder)
        // One that is being written, one in another's folder, and a chunk's file of an earlier format.
        let names = ["000000000000002a.tmp", "000000000000002b", "2a00112233445566778899aabbccddee"]
        for name in names { try writeFileAtomically(folder.appending(name), [UInt8](repeating: 1, count: 1000)) }
        let rig = try Rig(directory)
        try rig.cache.flush()
        for name in names { #expect((try? FileStatus.of(folder.appending(name))) == nil, "\(name)") }
        let info = try fill(rig)
        #expect(rig.cache.storedBytes(info.key, 0..<source.size) == source.bytes(0..<source.size))
        rig.cache.close()
    }

    @Test func namesOfOtherFilesAreNone() {
        #expect(PackID(text: "000000000000002a") == PackID(42))
        for text in [
            "", "2a", "0000000000000000", "0fffffffffffffff", "000000000000002A", "+00000000000002a",
            "ffffffffffffffff", "000000000000002a.tmp",
        ] {
            #expect(PackID(text: text) == nil, "\(text)")
        }
        #expect(PackID(text: PackID(1 << 50).text) == PackID(1 << 50))
    }
}
