import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import Testing

/// Every format that an encoder here can make.
struct SampleFormat: Sendable, CustomTestStringConvertible {
    let name: String
    var options: [String] = []
    var hasLayout = true
    var hasTags = true
    var testDescription: String { name }

    static let all = [
        SampleFormat(name: "a.flac"), SampleFormat(name: "a.mp3"), SampleFormat(name: "a.m4a"),
        SampleFormat(name: "alac.m4a", options: ["-c:a", "alac"]),
        SampleFormat(name: "a.m4b", options: ["-f", "mp4"]),
        SampleFormat(name: "a.ogg", options: ["-c:a", "libvorbis"], hasLayout: false),
        SampleFormat(name: "flac.oga", options: ["-c:a", "flac"], hasLayout: false),
        SampleFormat(name: "a.opus", hasLayout: false), SampleFormat(name: "a.spx", hasLayout: false),
        SampleFormat(name: "a.wv"), SampleFormat(name: "a.tta", options: ["-write_id3v2", "1"], hasTags: false),
        SampleFormat(name: "a.wma", hasLayout: false),
        SampleFormat(name: "a.aiff", options: ["-write_id3v2", "1"]), SampleFormat(name: "a.wav", hasTags: false),
        SampleFormat(name: "a.aac", hasTags: false),
    ]
}

@Suite struct FormatTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    @Test("the tags and properties are those that ffmpeg wrote", arguments: SampleFormat.all)
    func readsFormat(_ format: SampleFormat) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(format.name, options: format.options)
        let report = try pool.report(of: path, wantsIdentity: true)
        if format.hasTags {
            #expect(report.tags.first(.title) == "Tïtle ♫")
            #expect(report.tags.first(.artist) == "Artist")
            #expect(report.tags.first(.album) == "Album")
            #expect(report.tags.first(.albumArtist) == "Band")
            #expect(report.tags.first(.genre) == "Jazz")
            #expect(report.tags.year == 1999)
            #expect(report.tags.number(.track) == 3)
            #expect(report.tags.number(.trackTotal) == 12)
            #expect(report.tags.number(.disc) == 1)
            #expect(report.tags.first(.composer) == "Composer")
        }
        let probe = try Samples.probe(path)
        let properties = try #require(report.properties)
        #expect(String(properties.sampleRate) == probe["sample_rate"])
        #expect(String(properties.channels) == probe["channels"])
        let seconds = try #require(probe["duration"].flatMap(Double.init))
        #expect(abs(Double(properties.durationMilliseconds) / 1000 - seconds) < 0.12)
        #expect(properties.bitrate > 0)
        #expect((report.layout != nil) == format.hasLayout)
        if let layout = report.layout {
            #expect(layout.audioStart < layout.audioEnd)
            #expect(layout.audioEnd <= (try FileStatus.of(path)).size)
        }
        #expect(report.identity?.head.count == 16)
        #expect(report.identity?.audio.count == 16)
    }

    @Test("a wrong extension does not keep a file from being read", arguments: ["a.mp3", "a.flac", "a.m4a", "a.opus"])
    func readsByContent(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(name)
        for wrong in ["x.wav", "x.mp3", "x.flac", "x", "x.dsf"] {
            #expect(try pool.result(of: path, name: wrong).get().tags.first(.album) == "Album", "as \(wrong)")
        }
    }

    @Test("a file without tags is a report without tags", arguments: ["n.flac", "n.mp3", "n.m4a", "n.wav", "n.wv"])
    func readsTagless(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(name, tags: [:], options: ["-map_metadata", "-1", "-fflags", "+bitexact"])
        let report = try pool.report(of: path)
        #expect(report.tags.first(.title) == nil && report.tags.first(.artist) == nil)
        #expect(report.properties?.sampleRate == 44100)
    }

    @Test("random bytes are unreadable under every extension")
    func rejectsNoise() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = samples.path("noise")
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<65536).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        for (bytes, label) in [(noise, "noise"), ([], "nothing"), ([UInt8](repeating: 0, count: 4096), "zeros")] {
            try writeFileAtomically(path, bytes)
            for name in ["x.mp3", "x.flac", "x.ogg", "x.m4a", "x.aac", "x.wav", "x.wv", "x.ape", "x.mpc", "x.dsf"] {
                let result = try pool.result(of: path, name: name)
                guard case .failure(.unreadable(let reason)) = result else {
                    Issue.record("\(label) as \(name): \(result)")
                    continue
                }
                #expect(!reason.isEmpty)
            }
        }
        #expect(pool.processes.count == 1)
    }
}
