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

    @Test(
        "equal values of one key are as many as the file has, in its order",
        arguments: [
            SampleFormat(name: "a.flac"), SampleFormat(name: "a.mp3"), SampleFormat(name: "a.m4a"),
            SampleFormat(name: "a.ogg", options: ["-c:a", "libvorbis"]), SampleFormat(name: "a.opus"),
            SampleFormat(name: "a.wv"), SampleFormat(name: "a.wma"), SampleFormat(name: "a.aiff"),
            SampleFormat(name: "a.wav"),
        ])
    func keepsDuplicates(_ format: SampleFormat) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(format.name, tags: [:], options: format.options)
        let values: [TagField: [String]] = [
            .artist: ["A", "B", "A"], .composer: ["C", "C"], .genre: ["Jazz", "Rock", "Jazz"],
            .musicBrainzArtistID: ["1", "1"],
        ]
        try TagWriter.write(to: path, values: TagWriter.values.merging(values) { $1 })
        let tags = try pool.report(of: path).tags
        for (field, expected) in values { #expect(tags.all(field) == expected, "\(field) of \(format.name)") }
    }

    @Test("two keys of one field, and two places of one file, that say the same say it once")
    func mergesKeys() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let flac = try samples.encode("a.flac", tags: [:])
        try Samples.mutagen(
            """
            import mutagen
            file = mutagen.File(path)
            file["albumartist"], file["album artist"], file["album_artist"] = ["A", "B", "A"], ["B", "C"], ["A"]
            file["tracknumber"], file["tracktotal"], file["totaltracks"] = ["3/12"], ["12"], ["12"]
            file["date"], file["year"] = ["1999-05-17"], ["1999"]
            file.save()
            """, flac)
        let tags = try pool.report(of: flac).tags
        #expect(Set(tags.all(.albumArtist)) == ["A", "B", "C"])
        #expect(tags.all(.albumArtist).filter { $0 == "C" }.count == 1)
        #expect(tags.all(.trackTotal) == ["12"])
        #expect(tags.all(.date) == ["1999-05-17", "1999"])
        // ffmpeg writes the title and the artist of ASF in two objects.
        let wma = try pool.report(of: try samples.encode("a.wma")).tags
        #expect(wma.all(.title) == ["Tïtle ♫"] && wma.all(.artist) == ["Artist"])
    }
}
