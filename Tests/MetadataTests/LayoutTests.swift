import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import Testing

@Suite struct LayoutTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    @Test("FLAC's stored checksum is metaflac's, and the audio begins with a frame")
    func flacChecksum() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode("a.flac")
        let layout = try #require(try pool.report(of: path).layout)
        let expected = try Samples.run(["metaflac", "--show-md5sum", path.description])
        let checksum = (layout.checksum ?? []).map { String(format: "%02x", $0) }.joined()
        #expect(checksum == expected.trimmingCharacters(in: .whitespacesAndNewlines))
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path.description))
        #expect(bytes[Int(layout.audioStart)] == 0xff && bytes[Int(layout.audioStart) + 1] & 0xfc == 0xf8)
        #expect(layout.audioEnd == Int64(bytes.count))
    }

    @Test("WavPack's MD5 is found in the last block")
    func wavPackChecksum() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let wav = try samples.encode("a.wav", tags: [:])
        let path = samples.path("a.wv")
        try Samples.run(["wavpack", "-q", "-m", wav.description, "-o", path.description])
        let checksum = try #require(try pool.report(of: path).layout?.checksum)
        let hex = checksum.map { String(format: "%02x", $0) }.joined()
        #expect(try Samples.run(["wvunpack", "-s", path.description]).contains(hex))
    }

    @Test(
        "retagging moves the audio and changes head or tail, never the audio itself",
        arguments: ["a.flac", "a.mp3", "a.m4a", "a.wv", "a.aiff", "a.wav"])
    func retagging(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(name, options: name == "a.aiff" ? ["-write_id3v2", "1"] : [])
        let before = try pool.report(of: path, wantsIdentity: true)
        let beforeAudio = try audio(path, before)
        try Samples.mutagen(
            """
            import mutagen, mutagen.id3
            file = mutagen.File(path)
            if file.tags is None: file.add_tags()
            long = "x" * 20000
            if hasattr(file.tags, "add"): file.tags.add(mutagen.id3.TIT2(encoding=3, text=[long]))
            elif path.endswith(".m4a"): file["\\xa9nam"] = [long]
            else: file["title"] = long
            file.save()
            """, path)
        let after = try pool.report(of: path, wantsIdentity: true)
        #expect(after.tags.first(.title) == String(repeating: "x", count: 20000))
        #expect(try audio(path, after) == beforeAudio)
        #expect(after.identity?.audio == before.identity?.audio)
        #expect(after.identity?.head != before.identity?.head || after.identity?.tail != before.identity?.tail)
    }

    private func audio(_ path: FilePath, _ report: MediaReport) throws -> Data {
        let layout = try #require(report.layout)
        return try Data(contentsOf: URL(fileURLWithPath: path.description))[layout.audioStart..<layout.audioEnd]
    }

    @Test("a picture's bytes lie where the report says", arguments: ["a.flac", "a.mp3", "a.m4a", "a.wv", "a.aiff"])
    func pictures(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let cover = try samples.jpeg()
        let path = try samples.encode(name)
        try embed(cover, in: path)
        let picture = try #require(try pool.report(of: path).pictures.first)
        let expected = try Data(contentsOf: URL(fileURLWithPath: cover.description))
        #expect(picture.type == 3)
        #expect(picture.mimeType == "image/jpeg")
        #expect(picture.size == Int64(expected.count))
        let offset = try #require(picture.offset)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path.description))
        #expect(bytes[offset..<(offset + picture.size)] == expected)
    }

    @Test("a picture in base64 has no offset")
    func oggPicture() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let cover = try samples.jpeg()
        let path = try samples.encode("a.ogg", options: ["-c:a", "libvorbis"])
        try embed(cover, in: path)
        let picture = try #require(try pool.report(of: path).pictures.first)
        #expect(picture.size == (try FileStatus.of(cover)).size)
        #expect(picture.offset == nil)
    }

    @Test(
        "several pictures are told apart, and each lies where the report says",
        arguments: ["a.flac", "a.mp3", "a.wv", "a.wma", "a.wav", "a.tta"])
    func severalPictures(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(name)
        let covers = [Samples.randomPicture(of: 5000), Samples.randomPicture(of: 9000)]
        let files = try covers.enumerated().map { index, bytes in
            let file = samples.path("cover-\(index)")
            try writeFileAtomically(file, bytes)
            return file
        }
        try Samples.mutagen(
            """
            import mutagen, mutagen.id3, mutagen.flac, mutagen.apev2, mutagen.asf, struct
            datas = [open(name, "rb").read() for name in sys.argv[2:]]
            file = mutagen.File(path)
            if file.tags is None: file.add_tags()
            if path.endswith(".wma"):
                file["WM/Picture"] = [mutagen.asf.ASFByteArrayAttribute(
                    struct.pack("<BL", type, len(data)) + "image/png\\0\\0".encode("utf-16-le") + data)
                    for type, data in zip((3, 4), datas)]
            else:
                for type, data in zip((3, 4), datas):
                    if path.endswith(".flac"):
                        picture = mutagen.flac.Picture()
                        picture.type, picture.mime, picture.data = type, "image/png", data
                        file.add_picture(picture)
                    elif path.endswith(".wv"):
                        name = "Cover Art (%s)" % {3: "Front", 4: "Back"}[type]
                        file[name] = mutagen.apev2.APEValue(b"cover.png\\0" + data, mutagen.apev2.BINARY)
                    else:
                        file.tags.add(mutagen.id3.APIC(
                            encoding=0, mime="image/png", type=type, desc=str(type), data=data))
            file.save()
            """, path, files[0].description, files[1].description)
        let pictures = try pool.report(of: path).pictures.sorted { $0.type < $1.type }
        #expect(pictures.map(\.type) == [3, 4])
        let bytes = try readFile(path)
        for (picture, cover) in zip(pictures, covers) {
            #expect(picture.mimeType == "image/png")
            #expect(picture.size == Int64(cover.count))
            let offset = Int(try #require(picture.offset))
            #expect(Array(bytes[offset..<(offset + cover.count)]) == cover)
        }
    }

    @Test("a picture in an unsynchronised tag has no offset")
    func unsynchronisedPicture() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode("a.mp3", tags: [:], options: ["-write_id3v2", "0"])
        // The bytes that unsynchronisation takes apart (ID3v2.3, section 5).
        let cover = Samples.randomPicture(of: 5000) + [0xff, 0xe0, 0xff, 0x00]
        let file = samples.path("cover")
        try writeFileAtomically(file, cover)
        try Samples.mutagen(
            """
            import re, struct
            data, audio = open(sys.argv[2], "rb").read(), open(path, "rb").read()
            body = b"\\0image/png\\0\\3\\0" + data
            frame = re.sub(b"\\xff(?=[\\xe0-\\xff\\0])", b"\\xff\\0",
                b"APIC" + struct.pack(">LH", len(body), 0) + body)
            size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
            open(path, "wb").write(b"ID3\\3\\0\\x80" + size + frame + audio)
            """, path, file.description)
        #expect(
            try pool.report(of: path).pictures == [
                EmbeddedPicture(type: 3, mimeType: "image/png", size: Int64(cover.count), offset: nil)
            ])
    }

    private func embed(_ cover: FilePath, in path: FilePath) throws {
        try Samples.mutagen(
            """
            import base64, mutagen, mutagen.id3, mutagen.flac, mutagen.mp4, mutagen.apev2
            data = open(sys.argv[2], "rb").read()
            file = mutagen.File(path)
            if file.tags is None: file.add_tags()
            picture = mutagen.flac.Picture()
            picture.type, picture.mime, picture.data = 3, "image/jpeg", data
            if path.endswith(".flac"): file.add_picture(picture)
            elif path.endswith(".ogg"): file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
            elif path.endswith(".m4a"): file["covr"] = [mutagen.mp4.MP4Cover(data, mutagen.mp4.MP4Cover.FORMAT_JPEG)]
            elif path.endswith(".wv"):
                file["Cover Art (Front)"] = mutagen.apev2.APEValue(b"cover.jpg\\0" + data, mutagen.apev2.BINARY)
            else: file.tags.add(mutagen.id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=data))
            file.save()
            """, path, cover.description)
    }
}
