import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import Testing

@Suite struct LimitTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    @Test("tags larger than an answer are cut by rule, and the rest is read", arguments: ["a.flac", "a.mp3", "a.m4a"])
    func largeTags(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(name)
        try Samples.mutagen(
            """
            import mutagen, mutagen.id3
            file = mutagen.File(path)
            lyrics = "é" * 100000
            values = ["%d" % i + "x" * 9000 for i in range(40)]
            if hasattr(file.tags, "add"):
                file.tags.add(mutagen.id3.USLT(encoding=3, lang="eng", desc="", text=lyrics))
                file.tags.add(mutagen.id3.TXXX(encoding=3, desc="NOTES", text=values))
            elif path.endswith(".m4a"):
                file["\\xa9lyr"] = [lyrics]
                file["----:com.apple.iTunes:NOTES"] = [value.encode() for value in values]
            else: file["lyrics"], file["notes"] = lyrics, values
            file.save()
            """, path)
        let report = try pool.report(of: path, wantsIdentity: true)
        #expect(report.tags.first(.title) == "Tïtle ♫")
        #expect(report.tags.custom.isEmpty)
        #expect(report.tags.first(.lyrics) == String(repeating: "é", count: 32768))
        #expect(report.properties?.sampleRate == 44100)
        #expect(report.identity != nil)
        #expect(try pool.report(of: path, wantsIdentity: true) == report)
    }

    @Test("a tag with very many values costs neither time nor the file's other tags")
    func manyValues() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode("a.flac")
        try Samples.mutagen(
            """
            import mutagen
            file = mutagen.File(path)
            file["artist"] = ["artist %d" % i for i in range(100000)]
            file.save()
            """, path)
        let report = try pool.report(of: path)
        #expect(report.tags.first(.title) == "Tïtle ♫")
        #expect(report.tags.first(.artist) == "artist 0")
    }

    @Test("values that are too many even when they are short leave the first of each field")
    func manyMiddlingValues() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode("a.flac")
        try Samples.mutagen(
            """
            import mutagen
            file = mutagen.File(path)
            file["artist"] = ["artist %d " % i + "y" * 400 for i in range(3000)]
            picture = mutagen.flac.Picture()
            picture.mime, picture.data = "image/" + "z" * 400000, b"picture"
            file.add_picture(picture)
            file.save()
            """, path)
        let report = try pool.report(of: path)
        #expect(report.tags.first(.title) == "Tïtle ♫")
        #expect(report.tags.all(.artist) == ["artist 0 " + String(repeating: "y", count: 400)])
        #expect(report.pictures.map(\.mimeType) == [""])
        #expect(report.pictures.map(\.size) == [7])
    }
}
