import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import TestSupport
import Testing

/// AAC in MP4, whose sample entry says 2 channels whatever there are.
@Suite struct ChannelTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    private func encode(_ name: String, _ options: [String]) throws -> FilePath {
        try samples.encode(name, tags: ["title": "Title"], options: options)
    }

    @Test(
        "the channels are those that ffprobe finds",
        arguments: [
            ["-ac", "1"], ["-ac", "2"], ["-af", "aformat=channel_layouts=3.0"], ["-ac", "6"],
            ["-af", "aformat=channel_layouts=7.1"],
            // Layouts without a number, which the encoder describes channel by channel.
            ["-af", "aformat=channel_layouts=quad"], ["-af", "aformat=channel_layouts=6.1"],
            ["-ac", "1", "-f", "mov"], ["-ac", "1", "-movflags", "+faststart"], ["-ac", "1", "-c:a", "alac"],
        ])
    func areThoseOfTheDecoder(_ options: [String]) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.m4a", options)
        #expect(
            String(try #require(pool.report(of: path).properties).channels) == (try Samples.probe(path))["channels"])
    }

    /// A file's bytes, where its descriptors begin, and where the decoder's configuration does.
    private static func configuration(_ path: FilePath) throws -> (bytes: [UInt8], descriptors: Int, at: Int) {
        let bytes = try readFile(path)
        let mark = Array("esds".utf8)
        let box = try #require((0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == mark })
        // Tag 5 with its size in four bytes.
        let tag = try #require((box..<bytes.count - 8).first { bytes[$0] == 5 && bytes[$0 + 1] == 0x80 })
        return (bytes, box + 4, tag + 5)
    }

    @Test("a configuration that says stereo is made of one channel is believed, one of another kind is not guessed")
    func specialConfigurations() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.m4a", ["-ac", "1"])
        let (bytes, _, at) = try Self.configuration(path)
        func channels(_ configuration: [UInt8]) throws -> Int? {
            var changed = bytes
            changed.replaceSubrange(at..<(at + configuration.count), with: configuration)
            try writeFileAtomically(path, changed)
            return try pool.report(of: path).properties?.channels
        }
        // Type 2, rate 4, one channel.
        #expect(try channels([0x12, 0x08]) == 1)
        // Type 29 (parametric stereo), rate 7, one channel, rate 4, type 2.
        #expect(try channels([0xeb, 0x8a, 0x08]) == 2)
        // Type 5 (SBR), rate 7, one channel, rate 4, type 2.
        #expect(try channels([0x2b, 0x8a, 0x08]) == 1)
        // A rate of its own: 24 bits of it, then 6 channels in five speakers and a low one.
        #expect(try channels([0x17, 0x80, 0x56, 0x22, 0x30]) == 6)
        // A number that is reserved: what the sample entry says.
        #expect(try channels([0x12, 0x78]) == 2)
    }

    @Test("broken files never cost the worker, and never give absurd numbers")
    func survivesFuzzing() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.m4a", ["-af", "aformat=channel_layouts=quad"])
        let (bytes, descriptors, at) = try Self.configuration(path)
        #expect(try pool.report(of: path).properties?.channels == 4)
        let processes = pool.processes.map(\.pid)
        var random = SeededGenerator(seed: 14496)
        for round in 0..<300 {
            var changed = bytes
            // In and behind the descriptors, which the file may end in.
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                changed[Int.random(in: descriptors..<(at + 40), using: &random)] = .random(in: 0...255, using: &random)
            }
            if round % 5 == 0 {
                changed.removeLast(changed.count - Int.random(in: descriptors..<(at + 40), using: &random))
            }
            try writeFileAtomically(path, changed)
            if case .success(let report) = try pool.result(of: path), let properties = report.properties {
                // The most that a configuration can count: 45 pairs and 3 low ones.
                #expect((1...93).contains(properties.channels), "round \(round): \(properties.channels)")
            }
        }
        #expect(pool.processes.map(\.pid) == processes)
    }
}
