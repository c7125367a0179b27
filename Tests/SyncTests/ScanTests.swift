import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSSync

/// Scans of real directories. Tags are read by a stand-in for the media workers, which takes them from the text of the
/// file, so that hundreds of edits can be tried; the real workers are tested in MetadataTests and EndToEndTests.
@Suite struct ScanTests {
    private struct TextReader: MediaReader {
        func read(
            _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool,
            completion: @escaping @Sendable (AudioContent) -> Void
        ) {
            guard let bytes = try? readFully(fd.raw, at: 0, count: 4096),
                let text = String(validating: bytes, as: UTF8.self)
            else { return completion(.unreadable(reason: "no text")) }
            let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { return completion(.unreadable(reason: "no tags")) }
            completion(
                .report(
                    MediaReport(
                        tags: Tags(entries: [
                            Tags.Entry(.artist, parts[0]), Tags.Entry(.album, parts[1]), Tags.Entry(.title, parts[2]),
                        ]))))
        }

        func read(
            _ source: any RangeSource, size: Int64, name: [UInt8], wantsIdentity: Bool,
            onBytes: @escaping @Sendable (Int64, ContentBytes) -> Void,
            completion: @escaping @Sendable (AudioContent) -> Void
        ) { completion(.postponed(reason: "there are no far-away files here")) }
    }

    private struct Rig {
        let directory: TestDirectory
        var root: FilePath { directory.path.appending("music") }
        let library: Library
        let origin: LocalOrigin
        let monitor = ScanMonitor(origin: "test")

        init() throws {
            directory = try TestDirectory()
            let root = directory.path.appending("music")
            try createDirectories(root)
            library = try Rig.makeLibrary(directory.path.appending("library.db"), root)
            let lane = try IOLane(name: "test", deadline: .seconds(5), timer: try DeadlineTimer(clock: SystemClock()))
            origin = try LocalOrigin(
                id: 1, name: "test", root: root, lane: lane, timeout: .seconds(5), makeClone: { _ in nil })
        }

        static func makeLibrary(_ path: FilePath, _ root: FilePath) throws -> Library {
            let library = try Library.open(
                path,
                Library.Options(template: .standard, showsCompanions: true, nextEpoch: { 1 }, onCommit: { _, _ in }))
            try library.setOrigins([OriginSetting(name: "test", type: "local", root: root, priority: 1)])
            return library
        }

        func scan(
            into other: Library? = nil, _ scope: ScanScope = .everything, acceptsRemovals: Bool = true,
            isCancelled: @escaping () -> Bool = { false }, doubtful: [ClosedRange<Int64>] = []
        ) throws -> Bool {
            try OriginScan(
                origin: origin, library: other ?? library, media: TextReader(), remote: nil, monitor: monitor,
                settings: SyncSettings(
                    showsCompanions: true, wantsIdentity: false, removalBrake: 0.5, pollInterval: .seconds(300)),
                rereads: false, doubtful: doubtful, log: .disabled, willList: { _ in }, isCancelled: isCancelled,
                beat: {}
            ).run(scope, acceptsRemovals: acceptsRemovals)
        }

        func write(_ path: String, _ text: String) throws {
            let file = root.appending(path)
            try createDirectories(file.parent)
            try writeFileAtomically(file, Array(text.utf8))
        }

        func tree(_ library: Library) throws -> [String] {
            let reader = try library.makeTreeReader()
            var lines: [String] = []
            func visit(_ node: Int64, _ path: String) throws {
                for child in try reader.children(of: node, after: 0, limit: .max) {
                    let here = path + "/" + String(decoding: child.name, as: UTF8.self)
                    if child.kind == .directory {
                        try visit(child.node, here)
                    } else {
                        let version = try reader.version(child.version)
                        lines.append("\(here) \(child.size) \(child.modified) \(version?.path?.description ?? "-")")
                    }
                }
            }
            try visit(1, "")
            return lines.sorted()
        }

        func suspect() throws -> String? { try library.makeReader().origins().first?.suspect }
    }

    @Test func aScanFindsWhatIsThere() throws {
        let rig = try Rig()
        try rig.write("x/1.flac", "A|P|T")
        try rig.write("x/cover.jpg", "picture")
        try rig.write("x/.hidden.flac", "A|P|H")
        try rig.write("broken.mp3", "nothing")
        #expect(try rig.scan())
        let names = try rig.tree(rig.library).map { $0.split(separator: " 1").first.map(String.init) ?? "" }
        #expect(names.contains { $0.hasPrefix("/A/P [FLAC]/T.flac") })
        #expect(names.contains { $0.hasPrefix("/A/P [FLAC]/cover.jpg") })
        #expect(names.contains { $0.hasPrefix("/Unknown Artist/Unknown Album/broken.mp3") })
        #expect(names.count == 3)
        #expect(try rig.library.makeReader().quarantine().map(\.reason) == ["no tags"])
    }

    @Test func aSecondScanReadsNothing() throws {
        let rig = try Rig()
        for index in 0..<20 { try rig.write("\(index % 3)/\(index).flac", "A|P|\(index)") }
        #expect(try rig.scan())
        rig.monitor.update { $0.filesNew = 0 }
        #expect(try rig.scan())
        #expect(rig.monitor.snapshot.filesNew == 0 && rig.monitor.snapshot.filesChanged == 0)
    }

    /// The clock was set: what was written before and after has the same time, and the size is the same by chance.
    @Test func whatLooksUnchangedAboutAClockJumpIsReadAgain() throws {
        let rig = try Rig()
        try rig.write("x/1.flac", "A|P|One")
        try rig.write("x/2.flac", "A|P|Other")
        func rewrite(_ name: String, _ text: String) throws {
            let file = rig.root.appending("x").appending(name)
            let outcome = try runProgram(["bash", "-c", "printf '\(text)' > '\(file)'; touch -d @1000 '\(file)'"])
            #expect(outcome.status == 0)
        }
        try rewrite("1.flac", "A|P|One")
        #expect(try rig.scan())
        try rewrite("1.flac", "A|P|Two")
        #expect(try rig.scan())
        func titles() throws -> Set<String> {
            Set(try rig.tree(rig.library).compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) })
        }
        #expect(try titles() == ["[FLAC]/One.flac", "[FLAC]/Other.flac"], "it cannot be seen")
        let (second, reader) = (Int64(1_000_000_000), try rig.library.makeReader())
        let far = 0...(999 * second)
        #expect(try reader.folders(origin: 1, modifiedWithin: [far]).isEmpty)
        #expect(try rig.scan(.folders([(Array("x".utf8), false)]), doubtful: [far]))
        #expect(try titles() == ["[FLAC]/One.flac", "[FLAC]/Other.flac"])
        let near = (995 * second)...(1005 * second)
        let folders = try reader.folders(origin: 1, modifiedWithin: [far, near, near])
        #expect(folders == [Array("x".utf8)])
        rig.monitor.update { $0.filesChanged = 0 }
        #expect(try rig.scan(.folders(folders.map { ($0, false) }), doubtful: [far, near]))
        #expect(try titles() == ["[FLAC]/Two.flac", "[FLAC]/Other.flac"])
        #expect(rig.monitor.snapshot.filesChanged == 1)
    }

    @Test func aRenamedFileKeepsItsTrack() throws {
        let rig = try Rig()
        for index in 0..<5 { try rig.write("x/\(index).flac", "A|P|\(index)") }
        #expect(try rig.scan())
        let before = try rig.library.makeReader().files(origin: 1, folder: Array("x".utf8)).first?.replica
        try createDirectories(rig.root.appending("y"))
        try rename(rig.root.appending("x/0.flac"), to: rig.root.appending("y/moved.flac"))
        #expect(try rig.scan(.folders([(Array("x".utf8), false), (Array("y".utf8), true)])))
        let after = try rig.library.makeReader().files(origin: 1, folder: Array("y".utf8))
        #expect(after.map(\.replica) == [before])
    }

    @Test func muchThatVanishesAtOnceStays() throws {
        let rig = try Rig()
        for index in 0..<10 { try rig.write("\(index).flac", "A|P|\(index)") }
        #expect(try rig.scan())
        for index in 0..<6 { try unlink(rig.root.appending("\(index).flac")) }
        #expect(try rig.scan(acceptsRemovals: false))
        #expect(try rig.tree(rig.library).count == 10)
        #expect(try rig.suspect() != nil)
        #expect(try rig.scan(acceptsRemovals: true))
        #expect(try rig.tree(rig.library).count == 4)
        #expect(try rig.suspect() == nil)
    }

    @Test func anotherDirectoryInTheRootsPlaceRemovesNothing() throws {
        let rig = try Rig()
        for index in 0..<10 { try rig.write("\(index).flac", "A|P|\(index)") }
        #expect(try rig.scan())
        try rename(rig.root, to: rig.directory.path.appending("away"))
        try createDirectories(rig.root)
        for index in 0..<9 { try rig.write("\(index).flac", "A|P|\(index)") }
        #expect(try rig.scan(acceptsRemovals: false))
        #expect(try rig.suspect()?.contains("mounted") == true)
        #expect(try rig.tree(rig.library).count == 10)
    }

    @Test func linksAreFollowedInsideAndLoopsEnd() throws {
        let rig = try Rig()
        try rig.write("a/1.flac", "A|P|1")
        try writeFileAtomically(rig.directory.path.appending("outside.flac"), Array("A|P|out".utf8))
        for (link, target) in [("a/loop", ".."), ("b", "a"), ("out.flac", "../outside.flac"), ("self", "self")] {
            try FileManager.default.createSymbolicLink(
                atPath: rig.root.appending(link).description, withDestinationPath: target)
        }
        #expect(try rig.scan())
        let tree = try rig.tree(rig.library)
        #expect(tree.count == 2, "\(tree)")
        #expect(tree.contains { $0.hasSuffix("a/1.flac") } && tree.contains { $0.hasSuffix("b/1.flac") })
    }

    @Test func anInterruptedScanGoesOnWhereItWas() throws {
        let rig = try Rig()
        for index in 0..<40 { try rig.write("\(index)/x.flac", "A\(index)|P|T") }
        var folders = 0
        #expect(
            try !rig.scan(isCancelled: {
                folders += 1
                return folders > 20
            }))
        let halfway = try rig.tree(rig.library).count
        #expect(halfway > 0 && halfway < 40)
        rig.monitor.update { $0.filesNew = 0 }
        #expect(try rig.scan())
        #expect(rig.monitor.snapshot.filesNew == 40 - halfway)
        #expect(try rig.tree(rig.library).count == 40)
    }

    /// After any edits an incremental scan, of everything or of the touched folders, gives the tree of a first scan.
    @Test(arguments: 0..<24) func incrementalScansEqualFirstScans(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let rig = try Rig()
        let folders = ["", "a", "a/CD1", "a/CD2", "b", "b/Scans", "c/d"]
        let names = ["1.flac", "2.flac", "1.lrc", "cover.jpg", "3.mp3"]
        func pick(_ list: [String]) -> String { list.randomElement(using: &random) ?? "" }
        for step in 0..<8 {
            var touched: Set<[UInt8]> = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let folder = pick(folders)
                let path = folder.isEmpty ? pick(names) : "\(folder)/\(pick(names))"
                touched.insert(Array(folder.utf8))
                switch Int.random(in: 0..<4, using: &random) {
                case 0, 1:
                    try rig.write(path, "\(pick(["A", "B"]))|\(pick(["P", "Q"]))|\(pick(["T", "T (2)", "U"]))")
                case 2: try? unlink(rig.root.appending(path))
                default:
                    let target = pick(folders)
                    try createDirectories(rig.root.appending(target.isEmpty ? "." : target))
                    let name = path.split(separator: "/").last.map(String.init) ?? path
                    try? rename(
                        rig.root.appending(path), to: rig.root.appending(target.isEmpty ? name : "\(target)/\(name)"))
                    touched.insert(Array(target.utf8))
                }
            }
            let scope: ScanScope =
                Bool.random(using: &random) || step == 0
                ? .everything : .folders(touched.map { ($0, true) })
            #expect(try rig.scan(scope))
            let scratch = try Rig.makeLibrary(rig.directory.path.appending("scratch-\(step).db"), rig.root)
            #expect(try rig.scan(into: scratch))
            let incremental = try rig.tree(rig.library)
            let expected = try rig.tree(scratch)
            let superfluous = Set(incremental).subtracting(expected).sorted()
            let missing = Set(expected).subtracting(incremental).sorted()
            #expect(superfluous == [] && missing == [], "seed \(seed), step \(step)")
        }
    }
}
