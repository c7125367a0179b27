import MusicFSSearch
import MusicFSSystem
import TestSupport

// Follows the stress changes in a search index, from its sequence on, with merges beside, until it is killed.
// Arguments: the directory and a seed.

private func fill(_ directory: FilePath, seed: UInt64) throws {
    let index = try SearchIndex.open(
        directory,
        options: SearchIndex.Options(
            memoryBudget: 20_000, mergeExecutor: { job in _ = try? startThread("merge") { job() } }))
    var random = SeededGenerator(seed: seed)
    var number = index.sequence
    // Whoever should kill it may be gone.
    let end = monotonicNanoseconds() + 30_000_000_000
    while monotonicNanoseconds() < end {
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            number += 1
            let change = StressChange(number)
            if change.isRemoval { index.remove([change.track]) } else { try index.add([SearchDocument(change)]) }
        }
        try index.commit(sequence: number)
        if Int.random(in: 0..<30, using: &random) == 0 { try index.compact() }
    }
}

extension SearchDocument {
    fileprivate init(_ change: StressChange) {
        self.init(id: change.track, texts: [.init(.title, change.title)], year: change.year)
    }
}

private let arguments = CommandLine.arguments
guard arguments.count == 3, let seed = UInt64(arguments[2]) else {
    fatalError("usage: musicfs-indexfiller DIRECTORY SEED")
}
try fill(FilePath(arguments[1]), seed: seed)
