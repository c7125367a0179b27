import Foundation
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCore

@Suite struct ConfigurationTextTests {
    @Test func theExampleIsTheDefaultsAndHasEveryKey() throws {
        let example = Configuration.example
        #expect(try load(example).configuration == load().configuration)
        let lines = example.split(separator: "\n")
        for key in ConfigurationSchema.keys { #expect(lines.contains { $0.hasPrefix("\(key.name) = ") }) }
        for key in ConfigurationSchema.originKeys { #expect(lines.contains { $0.hasPrefix("# \(key.name) = ") }) }
    }

    @Test func theOriginOfTheExampleIsTheDefaults() throws {
        let example = Configuration.example
        let block = try #require(example.range(of: "# [[origins]]"))
        let text = example[block.lowerBound...].split(separator: "\n").map { $0.dropFirst(2) }.joined(separator: "\n")
        var expected = Configuration.Origin()
        expected.id = "home"
        expected.path = "/home/me/Music"
        let origins = try load(text).configuration.origins
        #expect(origins.first == expected)
        #expect(origins.map(\.kind) == [.local, .s3, .sftp, .webdav])
    }

    @Test func whatIsShownReadsBack() throws {
        let loaded = try load(
            "name = 'q\"\\x'\nlog.level = \"error,fuse=debug\"\nfuse.timeout = \"1500ms\"\nscan.removal_brake = 0.25",
            flags: ConfigurationFlags(mountPoint: "/m", origins: ["/a\tb", "/c"], allowOther: true))
        let shown = loaded.show()
        #expect(try load(shown).configuration == loaded.configuration)
        let lines = shown.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("allow_other = true ") && $0.hasSuffix("  # --allow-other") })
        #expect(lines.contains { $0.hasPrefix("threads = 0 ") && $0.hasSuffix("  # default") })
        #expect(lines.contains { $0.hasPrefix("timeout = \"1500ms\"") && $0.hasSuffix("config.toml:3") })
    }

    @Test func whatIsShownOfEveryKindReadsBack() throws {
        let text = Configuration.example.components(separatedBy: "# [[origins]]").dropFirst()
            .map { "[[origins]]" + $0.replacingOccurrences(of: "\n# ", with: "\n") }.joined()
        let loaded = try load(text)
        #expect(loaded.configuration.origins.count == 4)
        #expect(try load(loaded.show()).configuration == loaded.configuration)
    }

    @Test(arguments: ["0", "1B", "10GiB", "128MiB", "3kB", "5TB", "1025KiB"])
    func sizesReadBack(_ text: String) throws {
        #expect(ByteSize.text(try #require(ByteSize.bytes(text))) == (text == "0" ? "0" : text))
    }

    @Test(arguments: ["", "GiB", "-1B", "1.5GiB", "1gib", "9999999999GiB", "٣B"])
    func noSizes(_ text: String) { #expect(ByteSize.bytes(text) == nil) }

    @Test(arguments: ["1ms", "1500ms", "90s", "5m", "1h", "365d", "0s"])
    func durationsReadBack(_ text: String) throws {
        #expect(try #require(Duration(configurationText: text)).configurationText == text)
    }

    @Test(arguments: ["", "5", "s", "-1s", "1.5h", "1 s", "1S", "1s ", "٣s", "99999999999999999d"])
    func noDurations(_ text: String) {
        #expect(Duration(configurationText: text) == nil)
    }

    /// Whatever a file holds, it is read or refused with a line.
    @Test func mutatedFilesAreReadOrRefusedWithALine() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let base = Array((Configuration.example + "\n[[origins]]\nid = \"a\"\npath = \"/a\"\n[fuse.x]\n").utf8)
        let marks = Array("[]{}=.\"'#\\\n,\u{0}\u{ff}".utf8)
        let file: FilePath = "/config.toml"
        let context = ConfigurationContext(
            environment: ["HOME": "/h"], isRoot: false, templateError: { _ in nil })
        var refused = 0
        for _ in 0..<1500 {
            var text = base
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: text[place] = marks.randomElement(using: &generator) ?? 0
                case 2: text.insert(marks.randomElement(using: &generator) ?? 0, at: place)
                default: text.removeSubrange(place..<min(text.count, place + Int.random(in: 1...40, using: &generator)))
                }
            }
            var loader = ConfigurationLoader(context: context)
            loader.parse(text, file)
            let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
            for diagnostic in loader.diagnostics {
                guard case .file(file, let line, _) = diagnostic.source, (1...lines).contains(line) else {
                    Issue.record("seed \(seed): \(diagnostic)")
                    continue
                }
            }
            if !loader.diagnostics.isEmpty { refused += 1 }
        }
        #expect(refused > 100)
    }
}
