package import MusicFSCore

/// What the server asks a media worker: one packet, with the descriptor of the file.
package struct MediaJob: Hashable, Sendable {
    /// The answer carries it again.
    package var id: UInt64
    /// The file's name, whose extension tells the format; at most `nameLimit` bytes.
    package var name: [UInt8]
    package var wantsIdentity: Bool
    /// The ranges of the file that are there, in order and apart from each other; nil where all of it is.
    package var present: [Range<Int64>]?

    /// How many ranges may be told of.
    package static let rangeLimit = 128
    package static let nameLimit = 255
    /// Bytes of an encoded job: two integers of at most ten for each range.
    package static let sizeLimit = rangeLimit * 20 + nameLimit + 64

    package init(id: UInt64, name: [UInt8], wantsIdentity: Bool, present: [Range<Int64>]? = nil) {
        self.id = id
        self.present = present
        // The extension is at the end.
        self.name = Array(name.suffix(MediaJob.nameLimit))
        self.wantsIdentity = wantsIdentity
    }

    package func encode() -> [UInt8] {
        var writer = ByteWriter(reserving: name.count + 16)
        writer.write(id)
        writer.write(wantsIdentity ? 1 as UInt64 : 0)
        writer.write(name)
        writer.write(present == nil ? 0 as UInt64 : 1)
        if let present { writer.write(ranges: present) }
        return writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        id = try reader.readUnsigned()
        wantsIdentity = try reader.readUnsigned() == 1
        name = try reader.readBytes()
        present = try reader.readUnsigned() == 1 ? try reader.readRanges() : nil
        guard reader.isAtEnd, name.count <= MediaJob.nameLimit else { throw ByteCodingError() }
    }
}

/// What a media worker answers: one packet.
package struct MediaAnswer: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case report(MediaReport)
        /// The file is not audio that TagLib can read.
        case unreadable(reason: String)
        /// The bytes could not be had: nothing is said about the file.
        case failed(reason: String)
        /// More ranges of the file must be there before anything can be said.
        case needs([Range<Int64>])
    }

    package var id: UInt64
    package var outcome: Outcome

    /// Bytes of an encoded answer.
    package static let sizeLimit = 256 << 10

    package init(id: UInt64, outcome: Outcome) {
        self.id = id
        self.outcome = outcome
    }

    package func encode() -> [UInt8] {
        var writer = ByteWriter(reserving: 1024)
        writer.write(id)
        switch outcome {
        case .report(let report):
            writer.write(0 as UInt64)
            report.encode(into: &writer)
        case .unreadable(let reason):
            writer.write(1 as UInt64)
            writer.write(reason)
        case .failed(let reason):
            writer.write(2 as UInt64)
            writer.write(reason)
        case .needs(let ranges):
            writer.write(3 as UInt64)
            writer.write(ranges: Array(ranges.prefix(MediaJob.rangeLimit)))
        }
        return writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        id = try reader.readUnsigned()
        switch try reader.readUnsigned() {
        case 0: outcome = .report(try MediaReport(decoding: &reader))
        case 1: outcome = .unreadable(reason: try reader.readString())
        case 2: outcome = .failed(reason: try reader.readString())
        case 3: outcome = .needs(try reader.readRanges())
        default: throw ByteCodingError()
        }
        guard reader.isAtEnd else { throw ByteCodingError() }
    }
}

extension ByteWriter {
    fileprivate mutating func write(ranges: [Range<Int64>]) {
        write(ranges) { writer, range in
            writer.write(range.lowerBound)
            writer.write(range.upperBound)
        }
    }
}

extension ByteReader {
    /// Not empty ones, from 0 on.
    fileprivate mutating func readRanges() throws(ByteCodingError) -> [Range<Int64>] {
        let count = try readUnsigned()
        guard count <= UInt64(MediaJob.rangeLimit) else { throw ByteCodingError() }
        var ranges: [Range<Int64>] = []
        for _ in 0..<count {
            let (start, end) = (try readSigned(), try readSigned())
            guard start >= 0, start < end else { throw ByteCodingError() }
            ranges.append(start..<end)
        }
        return ranges
    }
}
