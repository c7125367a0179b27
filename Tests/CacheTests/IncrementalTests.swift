import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

/// Whatever the order in which differences come in, the tree is that of a scan from scratch.
@Suite struct IncrementalTests {
    @Test(arguments: Array(0..<60) + [226, 820, 1114, 1714]) func incrementalEqualsFromScratch(seed: UInt64) throws {
        let directory = try TestDirectory()
        var random = SeededGenerator(seed: seed)
        let told = Mutex<[FileChange]>([])
        let (library, origins) = try makeLibrary(directory.path.appending("incremental.db")) { files in
            told.withLock { $0 += files }
        }
        var model = LibraryModel()
        var follower = TrackFollower()
        for step in 0..<12 {
            let changes = try edit(&model, library, origins, &random)
            let before = try LibraryModel.files(library)
            try library.apply(changes)
            try follower.follow(library)
            try compare(
                told.withLock { told in
                    defer { told = [] }; return told
                }, before, library, origins)
            let (scratch, _) = try makeLibrary(directory.path.appending("scratch-\(step).db"))
            var everything = model.files.keys.map(model.change)
            everything.shuffle(using: &random)
            for start in stride(from: 0, to: everything.count, by: 7) {
                try scratch.apply(Array(everything[start..<min(start + 7, everything.count)]))
            }
            let left = try LibraryModel.dump(library)
            let right = try LibraryModel.dump(scratch)
            let onlyIncremental = Set(left).subtracting(right).sorted()
            let onlyScratch = Set(right).subtracting(left).sorted()
            #expect(onlyIncremental == onlyScratch, "seed \(seed), step \(step)")
            if left != right { return }
        }
    }

    /// What somebody knows who looks at those tracks alone that are said to have changed.
    private struct TrackFollower {
        var sequence: Int64 = 0
        var tracks: [Int64: TrackRecord] = [:]

        mutating func follow(_ library: Library) throws {
            let reader = try library.makeReader()
            while true {
                let news = try #require(try reader.changedTracks(after: sequence, limit: 5))
                if news.sequence == sequence { break }
                sequence = news.sequence
                for id in news.tracks { tracks[id] = nil }
                for track in try reader.tracks(news.tracks) { tracks[track.id] = track }
            }
            #expect(try sequence == reader.lastChange())
            let all = try reader.tracks(after: 0, limit: .max)
            let isEqual = all.map(comparable) == tracks.values.sorted { $0.id < $1.id }.map(comparable)
            #expect(isEqual)
        }

        /// The file's name is of interest only where there is no title.
        private func comparable(_ track: TrackRecord) -> TrackRecord {
            var track = track
            if track.tags?.first(.title) != nil { track.fileName = [] }
            return track
        }
    }

    /// What was told of a batch is the difference of the trees before and after it.
    private func compare(
        _ told: [FileChange], _ before: [String: (version: Int64, origin: Int64, track: Int64?)], _ library: Library,
        _ origins: [String: Int64]
    ) throws {
        let after = try LibraryModel.files(library)
        var expected: Set<String> = []
        for (path, file) in after {
            let line = "\(path) \(file.origin) \(file.track ?? 0)"
            if let old = before[path] {
                if old.version != file.version { expected.insert("modified \(line)") }
            } else {
                expected.insert("added \(line)")
            }
        }
        for (path, file) in before where after[path] == nil {
            expected.insert("removed \(path) \(file.origin) \(file.track ?? 0)")
        }
        let lines = told.map { "\($0.kind) \($0.path) \(origins[$0.origin] ?? -1) \($0.track ?? 0)" }
        #expect(lines.count == Set(lines).count)
        #expect(Set(lines).symmetricDifference(expected).sorted() == [])
    }

    /// Some random differences, applied to the model and given as changes.
    private func edit(
        _ model: inout LibraryModel, _ library: Library, _ origins: [String: Int64], _ random: inout SeededGenerator
    ) throws -> [LibraryChange] {
        var changes: [LibraryChange] = []
        let reader = try library.makeReader()
        var touched: Set<OriginFile> = []
        for _ in 0..<Int.random(in: 1...10, using: &random) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let file = randomFile(origins, &random)
                guard touched.insert(file).inserted else { continue }
                model.files[file] = randomContent(file, &random)
                changes.append(model.change(file))
            case 5..<8:
                guard let file = model.files.keys.sorted(by: order).randomElement(using: &random),
                    touched.insert(file).inserted, let replica = try replica(file, reader)
                else { continue }
                model.files[file] = nil
                changes.append(.removed(replica: replica))
            default:
                guard let file = model.files.keys.sorted(by: order).randomElement(using: &random),
                    touched.insert(file).inserted, let replica = try replica(file, reader),
                    let known = model.files[file]
                else { continue }
                var target = randomFile(origins, &random)
                target.origin = file.origin
                let isAudio = Names.isAudio(file.name)
                guard Names.isAudio(target.name) == isAudio,
                    Names.fileExtension(target.name) == Names.fileExtension(file.name),
                    DiscFolder.matches(target.folder.split(separator: 47).last.map(Array.init) ?? [])
                        == DiscFolder.matches(file.folder.split(separator: 47).last.map(Array.init) ?? []),
                    model.files[target] == nil, touched.insert(target).inserted
                else { continue }
                model.files[file] = nil
                model.files[target] = known
                changes.append(.moved(replica: replica, to: target, known.stamp))
            }
        }
        return changes
    }

    private func order(_ left: OriginFile, _ right: OriginFile) -> Bool {
        (left.origin, String(decoding: left.folder + [47] + left.name, as: UTF8.self))
            < (right.origin, String(decoding: right.folder + [47] + right.name, as: UTF8.self))
    }

    private func replica(_ file: OriginFile, _ reader: LibraryReader) throws -> Int64? {
        try reader.files(origin: file.origin, folder: file.folder).first { $0.name == file.name }?.replica
    }

    private func randomFile(_ origins: [String: Int64], _ random: inout SeededGenerator) -> OriginFile {
        let folders = ["", "x", "x/CD1", "x/CD2", "x/Scans", "y", "y/Scans/deep", "z/CD1"]
        let names = [
            "1.flac", "2.flac", "3.mp3", "3.flac", "x (2).flac", "cover.jpg", "1.lrc", "2.cue", "log.txt", "3.lrc",
        ]
        let origin = origins.values.sorted().randomElement(using: &random) ?? 1
        return OriginFile(
            origin: origin, folder: Array((folders.randomElement(using: &random) ?? "").utf8),
            name: Array((names.randomElement(using: &random) ?? "1.flac").utf8))
    }

    private func randomContent(_ file: OriginFile, _ random: inout SeededGenerator) -> LibraryModel.File {
        let stamp = FileStamp(
            size: Int64.random(in: 1...3, using: &random), modified: Int64.random(in: 1...1000, using: &random),
            inode: UInt64.random(in: 1...100, using: &random))
        guard Names.isAudio(file.name) else {
            let identity =
                Bool.random(using: &random)
                ? [UInt8](repeating: UInt8.random(in: 0...1, using: &random), count: 16) : nil
            return LibraryModel.File(stamp: stamp, content: nil, identity: identity)
        }
        if Int.random(in: 0..<10, using: &random) == 0 {
            return LibraryModel.File(stamp: stamp, content: .unreadable(reason: "broken"))
        }
        var values: [TagField: String] = [:]
        values[.artist] = ["A", "B"].randomElement(using: &random)
        values[.album] = ["P", "P", "Q", nil].randomElement(using: &random) ?? nil
        values[.title] = ["T", "T", "T (2)", "U", nil].randomElement(using: &random) ?? nil
        values[.track] = ["1", "2"].randomElement(using: &random)
        values[.disc] = ["1", "1", "1", "2"].randomElement(using: &random)
        var report = MediaReport(tags: LibraryModel.tags(values))
        if Bool.random(using: &random) {
            let audio = [UInt8](repeating: UInt8.random(in: 0...3, using: &random), count: 16)
            // Equal heads mean equal tags, as with real files.
            let head = ContentHash.xxh3(Array("\(report.tags)\(file.name.last ?? 0)".utf8))
            report.identity = ContentIdentity(head: head, tail: head, audio: audio)
        }
        return LibraryModel.File(stamp: stamp, content: .report(report))
    }
}
