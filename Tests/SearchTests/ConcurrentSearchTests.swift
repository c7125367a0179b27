import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSSearch

@Suite struct ConcurrentSearchTests {
    private static let queries: [SearchQuery] = [
        .term(nil, "love"), .prefix(nil, "lo"), .fuzzy(nil, "nigth", distance: 1), .phrase(nil, "dark side"),
        .and([.term(nil, "moon"), .not(.term(nil, "dark"))]), .or([.term(nil, "bjork"), .term(.title, "夜空")]),
        .range(.year, 1980...1999), .and([.prefix(nil, "l"), .range(.year, 1970...2010)]), .all,
    ]

    private final class Progress: Sendable {
        let isDone = Atomic(false)
        /// What the readers saw.
        let sequences = Mutex<Set<Int64>>([])
    }

    private static func naive(at sequence: Int64) -> NaiveSearch {
        var naive = NaiveSearch()
        for change in StressChange.library(at: sequence).values { naive.add(SearchDocument(change)) }
        return naive
    }

    /// While one thread adds, changes and removes, and another merges, every snapshot answers for its own moment.
    @Test func snapshotsAnswerForTheirMomentWhileAWriterGoesOn() async throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(
            directory.path,
            options: SearchIndex.Options(
                memoryBudget: 4000, mergeExecutor: { job in _ = try? startThread("merge") { job() } }))
        try index.commit(sequence: 0)
        let progress = Progress()
        let commits: Int64 = 30
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { progress.isDone.store(true, ordering: .releasing) }
                for number in 1...(commits * 8) {
                    let change = StressChange(number)
                    if change.isRemoval {
                        index.remove([change.track])
                    } else {
                        try index.add([SearchDocument(change)])
                    }
                    if number % 8 == 0 { try index.commit(sequence: number) }
                    if number % 80 == 0 { try index.compact() }
                    await Task.yield()
                }
            }
            for reader in 0..<2 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(reader))
                    var isLast = false
                    while !isLast {
                        isLast = progress.isDone.load(ordering: .acquiring)
                        // One as this process has it, one as others do.
                        let snapshot = reader == 0 ? index.snapshot : try SearchSnapshot.open(directory.path)
                        progress.sequences.withLock { _ = $0.insert(snapshot.sequence) }
                        let naive = Self.naive(at: snapshot.sequence)
                        for _ in 0..<3 {
                            let query = Self.queries[Int.random(in: 0..<Self.queries.count, using: &random)]
                            let expected = naive.search(query).map(\.id).sorted()
                            let found = try snapshot.search(query, options: SearchOptions(limit: 1000))
                            #expect(found.hits.map(\.id).sorted() == expected, "\(query) at \(snapshot.sequence)")
                            #expect(try snapshot.matches(query) == expected, "\(query) at \(snapshot.sequence)")
                        }
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(index.sequence == commits * 8)
        #expect(index.mergeFailure == nil)
        #expect(progress.sequences.withLock { $0.count } > 4)
    }
}
