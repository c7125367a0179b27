import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSSearch

/// What crashes and bad disks do to the index's files.
@Suite struct IndexFilesTests {
    /// Stops at the step of that number, as a crash would.
    private final class Stop: Sendable {
        private let left: Mutex<Int>

        init(after steps: Int) { left = Mutex(steps) }

        func step(_ name: String) throws(SearchError) {
            let isOver = left.withLock { left in
                left -= 1
                return left < 0
            }
            if isOver { throw SearchError(.disk, "stopped before \(name)") }
        }
    }

    private func documents(_ range: Range<Int>, _ word: String) -> [SearchDocument] {
        range.map { SearchDocument(id: Int64($0), texts: [.init(.title, "\(word) number\($0)")], year: Int64($0)) }
    }

    private func names(_ directory: TestDirectory) throws -> [[UInt8]] {
        let folder = try open(directory.path, [.read, .directory])
        return try listDirectory(folder.raw).map(\.name)
    }

    private func ids(_ snapshot: SearchSnapshot, _ word: String) throws -> Set<Int64> {
        Set(try snapshot.search(.term(nil, word), options: SearchOptions(limit: 10_000)).hits.map(\.id))
    }

    /// Wherever a commit or a merge stops, the index is the one before or the one after it.
    @Test func aCrashLeavesTheOldIndexOrTheNewOne() throws {
        var stopped = 0
        var outcomes: Set<Int64> = []
        for steps in 0..<60 {
            let directory = try TestDirectory()
            do {
                let index = try SearchIndex.open(directory.path)
                for number in 0..<3 {
                    try index.add(documents((number * 20)..<(number * 20 + 20), "old"))
                    try index.commit(sequence: 1)
                }
            }
            let stop = Stop(after: steps)
            var options = SearchIndex.Options(memoryBudget: 100_000)
            options.beforeStep = { (name) throws(SearchError) in try stop.step(name) }
            var isComplete = true
            do throws(SearchError) {
                let index = try SearchIndex.open(directory.path, options: options)
                try index.add(documents(10..<50, "new"))
                index.remove([0, 1, 59])
                try index.commit(sequence: 2)
                try index.compact()
            } catch { isComplete = false }
            let snapshot = try SearchSnapshot.open(directory.path)
            try snapshot.verify()
            outcomes.insert(snapshot.sequence)
            if snapshot.sequence == 1 {
                #expect(try ids(snapshot, "old") == Set(0..<60))
                #expect(try ids(snapshot, "new").isEmpty)
            } else {
                #expect(try ids(snapshot, "old") == Set(2..<10).union(50..<59))
                #expect(try ids(snapshot, "new") == Set(10..<50))
            }
            // What was not committed is indexed again.
            let index = try SearchIndex.open(directory.path)
            try index.add(documents(10..<50, "new"))
            index.remove([0, 1, 59])
            try index.commit(sequence: 2)
            try index.compact()
            #expect(try ids(index.snapshot, "old") == Set(2..<10).union(50..<59))
            #expect(try ids(index.snapshot, "new") == Set(10..<50))
            let left = try names(directory)
            #expect(left.count == 2, "\(left.map { String(decoding: $0, as: UTF8.self) })")
            if isComplete { break }
            stopped += 1
        }
        #expect(stopped >= 8)
        #expect(outcomes == [1, 2])
    }

    /// A commit that fails is forgotten as a whole, and the next one starts from the last that did not.
    @Test func aFailedCommitIsForgotten() throws {
        let directory = try TestDirectory()
        do {
            let fails = Failing()
            var options = SearchIndex.Options()
            options.beforeStep = { (_) throws(SearchError) in try fails.check() }
            let index = try SearchIndex.open(directory.path, options: options)
            try index.add(documents(0..<10, "old"))
            try index.commit(sequence: 1)
            fails.isOn.withLock { $0 = true }
            try index.add(documents(5..<20, "new"))
            #expect(throws: SearchError.self) { try index.commit(sequence: 2) }
            #expect(index.sequence == 1)
            #expect(index.pendingCount == 0)
            #expect(try ids(index.snapshot, "old") == Set(0..<10))
            fails.isOn.withLock { $0 = false }
            try index.add(documents(5..<20, "new"))
            try index.commit(sequence: 2)
            #expect(try ids(index.snapshot, "old") == Set(0..<5))
            #expect(try ids(index.snapshot, "new") == Set(5..<20))
        }
    }

    private final class Failing: Sendable {
        let isOn = Mutex(false)

        func check() throws(SearchError) {
            if isOn.withLock({ $0 }) { throw SearchError(.disk, "the disk is full") }
        }
    }

    /// Changes and commits while a merge goes on are in what it makes.
    @Test func mergesTakeWhatChangedMeanwhile() throws {
        let directory = try TestDirectory()
        let box = JobBox()
        let index = try SearchIndex.open(
            directory.path, options: SearchIndex.Options(mergeExecutor: { job in box.jobs.withLock { $0.append(job) } })
        )
        for number in 0..<12 {
            try index.add(documents((number * 5)..<(number * 5 + 5), "old"))
            try index.commit(sequence: Int64(number))
        }
        let due = box.jobs.withLock { $0 }
        #expect(!due.isEmpty)
        index.remove([3])
        try index.add(documents(10..<12, "new"))
        due[0]()
        #expect(index.mergeFailure == nil)
        #expect(index.snapshot.segmentCount < 12)
        #expect(try ids(index.snapshot, "old") == Set(0..<60))
        try index.commit(sequence: 20)
        for snapshot in [index.snapshot, try SearchSnapshot.open(directory.path)] {
            #expect(try ids(snapshot, "old") == Set(0..<60).subtracting([3, 10, 11]))
            #expect(try ids(snapshot, "new") == [10, 11])
        }
    }

    private final class JobBox: Sendable {
        let jobs = Mutex<[@Sendable () -> Void]>([])
    }

    /// A merged index is the one that is built at once, byte for byte.
    @Test func mergingGivesWhatBuildingAtOnceGives() throws {
        let (one, other) = (try TestDirectory(), try TestDirectory())
        var library = RandomLibrary(seed: 3)
        let documents = (0..<700).map { library.document($0) }
        let whole = try SearchIndex.open(one.path)
        try whole.add(documents)
        try whole.commit(sequence: 1)
        let parts = try SearchIndex.open(other.path)
        for start in stride(from: 0, to: 700, by: 100) {
            // In any order, and some twice.
            try parts.add(documents[start..<(start + 100)].shuffled(using: &library.random))
            try parts.add(documents[start..<(start + 5)])
            try parts.commit(sequence: 1)
        }
        try parts.add(documents[0..<50])
        try parts.commit(sequence: 1)
        try parts.compact()
        func content(_ index: SearchIndex, _ directory: TestDirectory) throws -> [UInt8] {
            try readFile(directory.path.appending(index.snapshot.parts[0].file.name))
        }
        #expect(parts.snapshot.segmentCount == 1)
        #expect(parts.snapshot.parts[0].segment.pairCount > 0)
        #expect(try content(whole, one) == content(parts, other))
    }

    /// Files that were cut, changed or removed are errors, and never more; every changed byte is noticed.
    @Test func damageIsAnError() throws {
        let original = try TestDirectory()
        var library = RandomLibrary(seed: 31)
        do {
            let index = try SearchIndex.open(original.path)
            try index.add((0..<400).map { library.document($0) })
            try index.commit(sequence: 1)
            try index.add((350..<500).map { library.document($0) })
            index.remove(0..<20)
            try index.commit(sequence: 2)
        }
        let names = try self.names(original)
        #expect(names.count == 4)
        let contents = try names.map { try readFile(original.path.appending($0)) }
        let directory = try TestDirectory()
        var noticed = 0
        for round in 0..<300 {
            for (name, content) in zip(names, contents) {
                // A file that is mapped is never written in place.
                let path = directory.path.appending(name)
                if (try? FileStatus.of(path)) != nil { try unlink(path) }
                let fd = try open(path, [.write, .create], mode: 0o600)
                try writeFully(fd.raw, content)
            }
            let which = Int.random(in: 0..<names.count, using: &library.random)
            let path = directory.path.appending(names[which])
            var content = contents[which]
            let place = Int.random(in: 0..<content.count, using: &library.random)
            switch round % 6 {
            case 0: content.removeSubrange(place...)
            case 1: content.append(contentsOf: [1, 2, 3])
            case 2:
                for index in place..<min(place + 200, content.count) {
                    content[index] = UInt8.random(in: 0...255, using: &library.random)
                }
            default: content[place] ^= 1 << UInt8.random(in: 0..<8, using: &library.random)
            }
            try unlink(path)
            if round % 50 != 49 {
                let fd = try open(path, [.write, .create], mode: 0o600)
                try writeFully(fd.raw, content)
            }
            do throws(SearchError) {
                let snapshot = try SearchSnapshot.open(directory.path)
                // Searching what is damaged is an error or a wrong answer.
                for _ in 0..<4 { _ = try? snapshot.search(library.query()) }
                if let index = try? SearchIndex.open(directory.path) { try? index.compact() }
                try snapshot.verify()
                Issue.record("round \(round): nothing was noticed")
            } catch {
                noticed += 1
                #expect([.damaged, .version, .missing].contains(error.code), "\(error)")
            }
        }
        #expect(noticed == 300)
    }

    /// Each byte of each file, of an index that has one of all there is.
    @Test func everyChangedByteIsNoticed() throws {
        let directory = try TestDirectory()
        do {
            var library = RandomLibrary(seed: 8)
            let index = try SearchIndex.open(directory.path)
            try index.add((0..<12).map { library.document($0) })
            // Words that are common enough for a pair.
            try index.add((12..<150).map { SearchDocument(id: $0, texts: [.init(.title, "of the")]) })
            try index.commit(sequence: 1)
            #expect(index.snapshot.parts[0].segment.pairCount > 0)
            index.remove([3])
            try index.commit(sequence: 2)
        }
        let names = try self.names(directory)
        #expect(names.count == 3)
        for name in names {
            let path = directory.path.appending(name)
            let content = try readFile(path)
            for place in content.indices {
                var changed = content
                changed[place] ^= 1 << UInt8(place & 7)
                // A file that is mapped is never written in place.
                try unlink(path)
                let fd = try open(path, [.write, .create], mode: 0o600)
                try writeFully(fd.raw, changed)
                let error = #expect(throws: SearchError.self, "byte \(place) of \(path)") {
                    try SearchSnapshot.open(directory.path).verify()
                }
                #expect(error?.code == .damaged || error?.code == .version)
            }
            try unlink(path)
            let fd = try open(path, [.write, .create], mode: 0o600)
            try writeFully(fd.raw, content)
        }
        try SearchSnapshot.open(directory.path).verify()
    }
}
