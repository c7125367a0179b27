import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import Testing

@Suite struct TagFieldTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    @Test("the oracle writes every field") func isComplete() {
        #expect(Set(TagWriter.values.keys) == Set(TagField.allCases))
    }

    @Test(
        "every field and every value of it is read as it was written",
        arguments: [
            SampleFormat(name: "a.flac"), SampleFormat(name: "a.mp3"), SampleFormat(name: "a.m4a"),
            SampleFormat(name: "a.ogg", options: ["-c:a", "libvorbis"]),
            SampleFormat(name: "a.oga", options: ["-c:a", "flac"]), SampleFormat(name: "a.opus"),
            SampleFormat(name: "a.spx"), SampleFormat(name: "a.wv"), SampleFormat(name: "a.tta"),
            SampleFormat(name: "a.wma"), SampleFormat(name: "a.aiff"), SampleFormat(name: "a.wav"),
        ])
    func readsEveryField(_ format: SampleFormat) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(format.name, tags: [:], options: format.options)
        try TagWriter.write(to: path)
        let tags = try pool.report(of: path).tags
        for field in TagField.allCases {
            #expect(tags.all(field) == TagWriter.values[field], "\(field) of \(format.name)")
        }
        let custom = tags.custom.filter { $0.key == TagWriter.custom.key }.map(\.value)
        #expect(custom == TagWriter.custom.values, "custom tag of \(format.name)")
        #expect(tags.custom.map(\.key).allSatisfy { $0 == TagWriter.custom.key }, "of \(format.name): \(tags.custom)")
    }
}
