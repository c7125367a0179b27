import MusicFSCore
import MusicFSMetadata
import TestSupport
import Testing

@Suite struct ProtocolTests {
    private let answer = MediaAnswer(
        id: 77,
        outcome: .report(
            MediaReport(
                tags: Tags(entries: [.init(.title, "A"), .init(.artist, "é")], custom: [.init("MOOD", "calm")]),
                properties: AudioProperties(
                    durationMilliseconds: 1000, bitrate: 320, sampleRate: 44100, channels: 2, bitsPerSample: 16),
                layout: AudioLayout(audioStart: 4, audioEnd: 99, checksum: [1, 2]),
                pictures: [EmbeddedPicture(type: 3, mimeType: "image/png", size: 5, offset: nil)],
                identity: ContentIdentity(head: [1], tail: [2], audio: [3]))))

    @Test("jobs and answers survive coding")
    func roundTrip() throws {
        let job = MediaJob(id: 300, name: Array("a.flac".utf8), wantsIdentity: true)
        #expect(try MediaJob(decoding: job.encode()) == job)
        let ranges = (0..<Int64(MediaJob.rangeLimit)).map { index in
            let start = Int64.max - 5000 + index * 9
            return start..<(start + 1)
        }
        for present in [[], ranges] {
            let job = MediaJob(id: .max, name: Array(repeating: 1, count: 300), wantsIdentity: true, present: present)
            #expect(try MediaJob(decoding: job.encode()) == job)
            #expect(job.encode().count <= MediaJob.sizeLimit)
        }
        for outcome in [
            answer.outcome, .needs([0..<1, 5..<Int64.max, 3..<4]), .unreadable(reason: "x"), .failed(reason: "y"),
        ] {
            let answer = MediaAnswer(id: 1, outcome: outcome)
            #expect(try MediaAnswer(decoding: answer.encode()) == answer)
        }
    }

    @Test("a long name keeps its extension")
    func longName() throws {
        let job = MediaJob(
            id: 1, name: Array(String(repeating: "x", count: 5000).utf8) + Array(".mp3".utf8), wantsIdentity: false)
        #expect(job.name.count == MediaJob.nameLimit && job.name.suffix(4) == Array(".mp3".utf8)[...])
    }

    @Test("ranges that are none, or too many, are refused")
    func malformedRanges() {
        func packets(_ ranges: [[Int64]]) -> (job: [UInt8], answer: [UInt8]) {
            var table = ByteWriter()
            table.write(ranges) { writer, range in for value in range { writer.write(value) } }
            var job = ByteWriter()
            for value in [1, 0] as [UInt64] { job.write(value) }
            job.write(Array("a.mp3".utf8))
            job.write(1 as UInt64)
            var answer = ByteWriter()
            for value in [1, 3] as [UInt64] { answer.write(value) }
            return (job.bytes + table.bytes, answer.bytes + table.bytes)
        }
        let right = packets([[0, 1], [2, 5]])
        #expect((try? MediaJob(decoding: right.job))?.present == [0..<1, 2..<5])
        #expect((try? MediaAnswer(decoding: right.answer))?.outcome == .needs([0..<1, 2..<5]))
        let wrong = [
            [[0, 0]], [[5, 2]], [[-1, 4]], [[.min, .max]],
            (0...Int64(MediaJob.rangeLimit)).map { [2 * $0, 2 * $0 + 1] },
        ]
        for ranges in wrong {
            let (job, answer) = packets(ranges)
            #expect(throws: ByteCodingError.self) { try MediaJob(decoding: job) }
            #expect(throws: ByteCodingError.self) { try MediaAnswer(decoding: answer) }
        }
    }

    @Test("truncated packets are refused, damaged ones decode or are refused")
    func malformed() {
        let bytes = answer.encode()
        for length in 0..<bytes.count {
            #expect(throws: ByteCodingError.self) { try MediaAnswer(decoding: Array(bytes[..<length])) }
        }
        #expect(throws: ByteCodingError.self) { try MediaAnswer(decoding: bytes + [0]) }
        var generator = SeededGenerator(seed: 5)
        var refused = 0
        for _ in 0..<20000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if (try? MediaAnswer(decoding: damaged)) == nil { refused += 1 }
            _ = try? MediaJob(decoding: damaged)
        }
        #expect(refused > 0)
    }
}
