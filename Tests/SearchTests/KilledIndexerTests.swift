import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSSearch

extension SearchDocument {
    init(_ change: StressChange) {
        self.init(id: change.track, texts: [.init(.title, change.title)], year: change.year)
    }
}

/// A process that changes an index is killed, again and again.
@Suite struct KilledIndexerTests {
    /// Indexes what changed since.
    private func catchUp(_ index: SearchIndex, to sequence: Int64) throws {
        for number in index.sequence + 1..<sequence + 1 {
            let change = StressChange(number)
            if change.isRemoval { index.remove([change.track]) } else { try index.add([SearchDocument(change)]) }
        }
        try index.commit(sequence: sequence)
    }

    /// The bytes of the one segment that it is when everything is merged.
    private func content(_ index: SearchIndex, _ directory: FilePath) throws -> [UInt8] {
        try index.compact()
        #expect(index.snapshot.segmentCount == 1)
        return try readFile(directory.appending(index.snapshot.parts[0].file.name))
    }

    /// How many files the manifest does not name.
    private func unnamed(_ directory: FilePath) throws -> Int {
        let manifest = try IndexManifest.read(directory)
        var named: Set = [IndexManifest.name]
        for file in manifest.segments { named.formUnion([file.name, file.deletionsName]) }
        let folder = try open(directory, [.read, .directory])
        return try listDirectory(folder.raw).count { !named.contains(String(decoding: $0.name, as: UTF8.self)) }
    }

    @Test(.timeLimit(.minutes(10))) func deathsLoseNothingThatWasCommitted() throws {
        let place = try TestDirectory()
        let directory = place.path.appending("index")
        let program = BuiltPrograms.directory.appending("musicfs-indexfiller")
        _ = try SearchIndex.open(directory).commit(sequence: 0)
        var random = SeededGenerator(seed: 4)
        var last: Int64 = 0
        var (interrupted, grown) = (0, 0)
        let rounds = Rounds.of(6, full: 200)
        for round in 0..<rounds {
            let child = try ChildProcess.start(
                program, arguments: ["musicfs-indexfiller", directory.description, "\(round)"])
            let wait = UInt64.random(in: 20_000_000..<250_000_000, using: &random)
            #expect(child.wait(until: monotonicNanoseconds() + wait) == nil, "it ended by itself")
            child.send(Signal.kill)
            #expect(child.wait(until: monotonicNanoseconds() + 20_000_000_000) == .signal(Signal.kill))
            interrupted += try unnamed(directory) > 0 ? 1 : 0

            let index = try SearchIndex.open(directory)
            try index.snapshot.verify()
            #expect(try unnamed(directory) == 0)
            #expect(index.sequence >= last, "round \(round): what was committed is gone")
            grown += index.sequence > last ? 1 : 0
            let before = Set(try index.snapshot.matches(.all))
            #expect(before == Set(StressChange.library(at: index.sequence).keys), "round \(round)")
            last = index.sequence + 10
            try catchUp(index, to: last)
            let scratch = try TestDirectory()
            let built = try SearchIndex.open(scratch.path)
            try built.add(StressChange.library(at: last).values.map { SearchDocument($0) })
            try built.commit(sequence: last)
            #expect(try content(index, directory) == content(built, scratch.path), "round \(round)")
        }
        print("\(rounds) deaths of an indexer: \(interrupted) in the middle of a write, \(last) changes")
        #expect(interrupted >= rounds / 3)
        #expect(grown >= rounds / 2)
    }
}
