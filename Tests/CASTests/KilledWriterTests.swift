import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// A process that changes a store is killed, again and again.
@Suite struct KilledWriterTests {
    private let limit: Int64 = 4 << 20

    /// The files of the store, and their bytes.
    private func filesOnDisk(_ store: ChunkStore) throws -> (temporary: Int, bytes: Int64) {
        var temporary = 0
        var bytes: Int64 = 0
        try store.files.forEach(
            pack: { bytes += try FileStatus.of(store.files.path($0)).size }, stray: { _ in temporary += 1 })
        return (temporary, bytes)
    }

    private func hasTemporary(_ files: PackFiles) throws -> Bool {
        var result = false
        try files.forEach(pack: { _ in }, stray: { _ in result = true })
        return result
    }

    /// Compares everything that the store has with what it should be.
    ///
    /// - Returns: how many bytes were right, and how many chunks the index names that cannot be read.
    private func compare(_ store: ChunkStore, _ expected: [StressVersion: [UInt8]]) -> (right: Int, lost: Int) {
        var (right, lost) = (0, 0)
        for (version, bytes) in expected {
            for entry in store.manifest(version.key).entries {
                var found = [UInt8](repeating: 0, count: entry.length)
                guard unsafe found.withUnsafeMutableBytes({ unsafe store.read([entry], into: $0) }) == nil else {
                    lost += 1
                    continue
                }
                guard entry.offset >= 0, entry.end <= version.size,
                    found[...] == bytes[Int(entry.offset)..<Int(entry.end)]
                else {
                    Issue.record("version \(version.number) has wrong bytes at \(entry.offset)")
                    continue
                }
                right += entry.length
            }
        }
        return (right, lost)
    }

    @Test(.timeLimit(.minutes(5))) func deathsLeaveNoWrongByteAndNothingToRepair() throws {
        let directory = try TestDirectory()
        let path = directory.path.appending("cache")
        let expected = Dictionary(uniqueKeysWithValues: StressVersion.all.map { ($0, $0.bytes) })
        let program = BuiltPrograms.directory.appending("musicfs-cachefiller")
        let files = PackFiles(root: path.appending("chunks"))
        var random = SeededGenerator(seed: 1)
        var (interrupted, filled, right, lost) = (0, 0, 0, 0)
        for round in 0..<Rounds.of(30, full: 100) {
            let child = try ChildProcess.start(
                program, arguments: ["musicfs-cachefiller", path.description, "\(limit)", "\(round)"])
            let wait = UInt64.random(in: 10_000_000..<200_000_000, using: &random)
            #expect(child.wait(until: monotonicNanoseconds() + wait) == nil, "it ended by itself")
            // Every other time in the middle of a write, as far as that can be hit.
            let patience = monotonicNanoseconds() + 1_000_000_000
            while round % 2 == 0, try !hasTemporary(files), monotonicNanoseconds() < patience {}
            child.send(Signal.kill)
            #expect(child.wait(until: monotonicNanoseconds() + 20_000_000_000) == .signal(Signal.kill))
            interrupted += try hasTemporary(files) ? 1 : 0

            let store = try ChunkStore(directory: path, limit: limit, log: .disabled)
            let cache = try ContentCache(
                store: store, budget: BufferBudget(limit: 16 << 20), settings: ContentCache.Settings(readAhead: 0),
                timer: try DeadlineTimer())
            try cache.flush()
            let found = compare(store, expected)
            (right, lost, filled) = (right + found.right, lost + found.lost, filled + (found.right > 0 ? 1 : 0))
            #expect(store.lastError == nil)
            if round % 10 == 9 {
                let totals = store.work.withLock { $0.totals }
                _ = try cache.check(repairs: true) { _ in true }
                #expect(try cache.check(repairs: false) { _ in true }?.isClean == true)
                let disk = try filesOnDisk(store)
                #expect(disk.temporary == 0)
                #expect(disk.bytes == cache.statistics.usedBytes, "round \(round), counted \(totals.used) before")
                #expect(disk.bytes <= limit)
            }
            if round == 99 {
                // What nobody uses is nowhere left.
                _ = try cache.clear(origin: nil)
                #expect(try filesOnDisk(store) == (0, 0))
                #expect(cache.statistics.usedBytes == 0)
            }
            cache.close()
        }
        print("100 deaths: \(interrupted) in the middle of a write; \(right >> 20) MiB compared, \(lost) chunks lost")
        #expect(interrupted >= Rounds.of(2, full: 10))
        #expect(filled >= Rounds.of(25, full: 90))
        #expect(lost == 0)
    }
}
