import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import TestSupport
import Testing

/// Files that are fetched in parts: what is told of them is what is told of local ones, at a price that is known.
@Suite struct RemoteTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    /// Noise, so that no encoder makes it small.
    static let noise = "anoisesrc=r=44100:d=45:c=pink:a=0.5:seed=7"
    static let options = ["-ac", "2"]

    static let formats =
        SampleFormat.all + [
            SampleFormat(name: "cbr.mp3", options: ["-write_xing", "0"]),
            SampleFormat(name: "front.m4a", options: ["-movflags", "faststart"]),
        ]

    private func encode(_ format: SampleFormat) throws -> FilePath {
        let speex = format.name.hasSuffix(".spx") ? ["-ar", "32000"] : []
        return try samples.encode(format.name, options: format.options + Self.options + speex, source: Self.noise)
    }

    /// Bytes that a media server's look at a file costs beyond those that are kept: it reads 128 KiB of the head and
    /// 16 KiB of the tail, and a cache fetches whole chunks of 64 KiB that are aligned to the audio.
    private func costOfLook(size: Int64, layout: AudioLayout?, kept: Kept) -> Int64 {
        let chunk: Int64 = 65536
        let start = layout?.audioStart ?? 0
        let end = layout?.audioEnd ?? size
        let bounds = Set(
            [0, end, size] + Array(stride(from: start % chunk, to: end, by: Int64.Stride(chunk)))
                + Array(stride(from: end, to: size, by: Int64.Stride(chunk)))
        ).sorted()
        let reads = [0..<min(size, 128 << 10), max(0, size - (16 << 10))..<size]
        return zip(bounds, bounds.dropFirst()).reduce(0) { sum, bound in
            let range = bound.0..<bound.1
            return reads.contains { $0.overlaps(range) } && !kept.covers(range) ? sum + Int64(range.count) : sum
        }
    }

    @Test("a remote file's report is the local one's, and costs little", arguments: formats)
    func equality(_ format: SampleFormat) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode(format)
        let local = try pool.report(of: path, wantsIdentity: true)
        let plainSource = try FileSource(path)
        var expected = local
        expected.identity = nil
        #expect(try pool.result(of: plainSource, name: format.name, wantsIdentity: false).get() == expected)
        let source = try FileSource(path)
        let kept = Kept()
        #expect(try pool.result(of: source, name: format.name, kept: kept).get() == local)
        #expect(try kept.agrees(with: path))
        let (plain, counts) = (plainSource.counts, source.counts)
        #expect(kept.ranges.reduce(0) { $0 + Int64($1.count) } == counts.bytes)
        let look = costOfLook(size: source.size, layout: local.layout, kept: kept)
        print(
            "\(format.name): \(source.size >> 10) KiB; tags \(plain.requests) requests, \(plain.bytes >> 10) KiB; "
                + "with identity \(counts.requests) requests, \(counts.bytes >> 10) KiB; "
                + "with a media server's look \((counts.bytes + look) >> 10) KiB")
        #expect(plain.requests <= 2 && plain.bytes <= max(192 << 10, min(source.size, 256 << 10)))
        #expect(counts.requests <= 18 && counts.bytes <= 256 << 10)
        #expect(counts.bytes + look <= 384 << 10)
    }

    @Test("small and empty files are fetched at once", arguments: ["a.flac", "a.mp3", "a.ogg", "empty.flac", "n.dsf"])
    func small(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = name.hasPrefix("a.") ? try samples.encode(name) : samples.path(name)
        if name == "empty.flac" { try writeFileAtomically(path, []) }
        if name == "n.dsf" { try writeFileAtomically(path, Samples.randomPicture(of: 100_000)) }
        let source = try FileSource(path)
        let result = try pool.result(of: source, name: name)
        #expect(result == (try pool.result(of: path, wantsIdentity: true)))
        #expect(source.counts.requests == (source.size == 0 ? 0 : 1))
    }

    @Test(
        "a picture of 10 MB is read wherever it lies, once",
        arguments: [
            "a.flac", "a.mp3", "a.m4a", "front.m4a", "a.ogg", "a.opus", "a.wv", "a.wav", "a.aiff", "a.wma", "a.tta",
        ])
    func grownPicture(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let format = try #require(Self.formats.first { $0.name == name })
        let path = try encode(format)
        try grow(path, by: 10_000_000)
        let local = try pool.report(of: path, wantsIdentity: true)
        #expect(local.pictures.map(\.size) == [10_000_000])
        let source = try FileSource(path, delay: 0.01)
        let kept = Kept()
        let remote = try pool.result(of: source, name: name, kept: kept)
        let counts = source.counts
        print("\(name) with 10 MB: \(counts.requests) requests, \(counts.bytes >> 10) KiB of \(source.size >> 10) KiB")
        #expect(try remote.get() == local)
        #expect(try kept.agrees(with: path))
        // Base64 takes a third more.
        #expect(counts.bytes < (name.hasSuffix(".ogg") || name.hasSuffix(".opus") ? 15_500_000 : 12_200_000))
        #expect(counts.requests <= 40)
    }

    private func grow(_ path: FilePath, by size: Int) throws {
        let file = samples.path("picture")
        try writeFileAtomically(file, Samples.randomPicture(of: size))
        try Samples.mutagen(
            """
            import base64, mutagen, mutagen.id3, mutagen.flac, mutagen.mp4, mutagen.apev2, mutagen.asf, struct
            data = open(sys.argv[2], "rb").read()
            file = mutagen.File(path)
            if file.tags is None: file.add_tags()
            picture = mutagen.flac.Picture()
            picture.type, picture.mime, picture.data = 3, "image/png", data
            end = path.split(".")[-1]
            if end == "flac": file.add_picture(picture)
            elif end in ("ogg", "opus"): file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
            elif end == "m4a": file["covr"] = [mutagen.mp4.MP4Cover(data, mutagen.mp4.MP4Cover.FORMAT_PNG)]
            elif end == "wv": file["Cover Art (Front)"] = mutagen.apev2.APEValue(b"c.png\\0" + data, mutagen.apev2.BINARY)
            elif end == "wma": file["WM/Picture"] = [mutagen.asf.ASFByteArrayAttribute(
                struct.pack("<BL", 3, len(data)) + "image/png\\0\\0".encode("utf-16-le") + data)]
            else: file.tags.add(mutagen.id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=data))
            file.save()
            """, path, file.description)
    }

    @Test("every field arrives, as it does locally", arguments: ["a.flac", "a.mp3", "a.m4a", "a.ogg", "a.wv", "a.wma"])
    func fields(_ name: String) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode(name, options: Self.options, source: Self.noise)
        try TagWriter.write(to: path)
        let remote = try pool.result(of: try FileSource(path), name: name).get()
        #expect(remote == (try pool.report(of: path, wantsIdentity: true)))
        #expect(remote.tags.first(.isrc) == "USABC9912345")
    }

    @Test("damaged files are to a remote reader what they are to a local one")
    func damaged() throws {
        let pool = try MediaWorkerPool.forTests(workers: 2)
        defer { pool.stop() }
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for format in Self.formats {
            let original = try readFile(try encode(format), limit: 1 << 30)
            for copy in 0..<12 {
                var bytes = original
                let path = samples.path("damaged-" + format.name)
                damage(&bytes, copy, &generator)
                try Data(bytes).write(to: URL(fileURLWithPath: path.description))
                let local = try pool.result(of: path, wantsIdentity: true)
                let remote = try pool.result(of: try FileSource(path), name: format.name)
                #expect(remote == local, "seed \(seed), \(format.name), copy \(copy)")
            }
        }
    }

    private func damage(_ bytes: inout [UInt8], _ copy: Int, _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...40, using: &generator) {
            let ranges = [0..<2048, (bytes.count - 2048)..<bytes.count, 0..<bytes.count]
            let range = ranges.randomElement(using: &generator) ?? 0..<1
            bytes[Int.random(in: range, using: &generator)] = .random(in: 0...255, using: &generator)
        }
        if copy % 3 == 1 {
            let start = Int.random(in: 0..<2048, using: &generator)
            bytes.replaceSubrange(start..<(start + 4), with: [0x00, 0x1f, 0xff, 0xff])
        }
        if copy % 4 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
    }
}
