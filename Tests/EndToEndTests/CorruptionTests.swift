import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// Stores that are damaged at random, while they are served and while they are not.
    ///
    /// `MUSICFS_TEST_FULL=1 swift test --filter CorruptionTests` tries each with fifty seeds.
    @Suite(.serialized, .enabled(if: canServe)) struct CorruptionTests {
        enum Store: String, CaseIterable, Sendable {
            case library = "library.db"
            case log = "library.db-wal"
            case index = "cas.db"
            case curation = "curation.db"
        }

        private static let seeds = UInt64(Rounds.of(1, full: 50))

        @Test(.timeLimit(.minutes(30)), arguments: Store.allCases)
        func aDamagedStoreCostsNoByteAndNoPin(_ store: Store) throws {
            let stressed = try StressedLibrary(files: 6, megabytes: 1, cache: "max_size = \"1GiB\"") {
                $0.prefix = ["env", "MUSICFS_TEST_HURRY=100"]
            }
            let victim = Victim(stressed)
            let pairs = try stressed.pairs()
            try #require(pairs.count == 6)
            #expect(try stressed.library.musicfs("cache", "pin", pairs[0].shown.description).status == 0)
            try stressed.compareAll()
            #expect(eventually(20) { (try? victim.backedUpPins()) == 1 })
            for seed in 0..<Self.seeds {
                for isServed in [true, false] {
                    var random = SeededGenerator(seed: seed << 1 | (isServed ? 1 : 0))
                    if !isServed { try stressed.library.unmount() }
                    let what = try victim.damage(store, &random)
                    if !isServed {
                        try stressed.library.start(waitsForScan: false)
                    } else if Bool.random(using: &random) {
                        kill(try stressed.library.status().pid, SIGKILL)
                    }
                    try expectHealing(stressed, pairs, victim, "seed \(seed), served \(isServed): \(what)")
                }
            }
            // Nothing of it is left.
            #expect(eventually(30) { (try? stressed.library.degradedBecause()) == [] })
        }

        /// Every file can be read again before long, and until then nothing but errors is read.
        private func expectHealing(
            _ stressed: StressedLibrary, _ pairs: [(shown: FilePath, original: FilePath)], _ victim: Victim,
            _ comment: String
        ) throws {
            let caches = try open("/proc/sys/vm/drop_caches", [.write])
            try writeFully(caches.raw, Array("3".utf8))
            let isWhole = try eventually(30) {
                try pairs.allSatisfy { pair in
                    let outcome = try run("cmp", pair.shown.description, pair.original.description)
                    #expect(outcome.status != 1, "wrong bytes after \(comment): \(outcome.text)")
                    return outcome.status == 0
                }
            }
            #expect(isWhole, "\(comment)\n\(stressed.library.log.suffix(3000))")
            // The daemon holds it open and need not have noticed; but it answers with what was made.
            // A command that comes upon the damage first is told so, and the next one finds it healed.
            let answers = try eventually(20) {
                try stressed.library.musicfs("cache", "unpin", pairs[1].shown.description).status == 0
            }
            #expect(answers, "after \(comment)\n\(stressed.library.log.suffix(3000))")
            #expect(eventually(20) { (try? victim.pins()) == 1 }, "\(comment)\n\(stressed.library.log.suffix(3000))")
        }

        /// The stores of a library, and what is done to them.
        private struct Victim {
            let cache: FilePath
            let state: FilePath

            init(_ stressed: StressedLibrary) {
                cache = stressed.cacheDirectory
                state = stressed.library.directory.path.appending("state/\(stressed.library.name)")
            }

            private func path(_ store: Store) -> FilePath {
                (store == .curation ? state : cache).appending(store.rawValue)
            }

            /// - Returns: what was done.
            func damage(_ store: Store, _ random: inout SeededGenerator) throws -> String {
                let path = path(store)
                guard let size = try? FileStatus.of(path).size, size > 0 else { return "nothing: there is no \(path)" }
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    try unlink(path)
                    return "deleted \(store.rawValue)"
                case 1:
                    let length = Int64.random(in: 0..<size, using: &random)
                    let file = try #require(FileHandle(forUpdatingAtPath: path.description))
                    try file.truncate(atOffset: UInt64(length))
                    return "cut \(store.rawValue) from \(size) to \(length) bytes"
                case 2 where store != .log:
                    let other = self.path(store == .library ? .index : .library)
                    let aside = cache.appending("aside")
                    try rename(path, to: aside)
                    try rename(other, to: path)
                    try rename(aside, to: other)
                    return "swapped \(store.rawValue) and \(other)"
                default:
                    let count = Int.random(in: 1...(64 << 10), using: &random)
                    let offset = Int64.random(in: 0..<size, using: &random)
                    let bytes = (0..<min(count, Int(size - offset))).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    let file = try #require(FileHandle(forUpdatingAtPath: path.description))
                    try file.seek(toOffset: UInt64(offset))
                    try file.write(contentsOf: Data(bytes))
                    return "overwrote \(bytes.count) bytes at \(offset) of \(size) in \(store.rawValue)"
                }
            }

            func pins() throws -> Int? { try count(["\(path(.curation))"]) }

            func backedUpPins() throws -> Int? {
                let names = try FileManager.default.contentsOfDirectory(atPath: "\(state)/backups")
                return try count(names.map { "\(state)/backups/\($0)" })
            }

            /// Of the last of them.
            private func count(_ databases: [String]) throws -> Int? {
                let script = """
                    import sqlite3, sys
                    for path in sorted(sys.argv[1:])[-1:]:
                        uri = "file:" + path + "?mode=ro"
                        print(sqlite3.connect(uri, uri=True).execute("SELECT count(*) FROM pins").fetchone()[0])
                    """
                return Int(try run(["python3", "-c", script] + databases).text.filter(\.isNumber))
            }
        }
    }
}
