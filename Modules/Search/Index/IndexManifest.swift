import MusicFSCore
import MusicFSSystem

/// Which files are the index. It is replaced as a whole.
///
/// Its file: magic, version (u32 each), sequence (i64), next number (u64), segments (u32), for each its number (u64), length (u64),
/// checksum (two u64), documents (u32), the generation (u64) of its deletions, 0 for none, and the XXH3-128 of all of it.
struct IndexManifest: Hashable, Sendable {
    struct SegmentFile: Hashable, Sendable {
        var number: UInt64
        var length: Int
        var high: UInt64
        var low: UInt64
        var documents: Int
        var deletions: UInt64

        var name: String { "\(number).segment" }
        var deletionsName: String { "\(number)-\(deletions).deleted" }
    }

    static let name = "manifest"
    private static let magic: UInt32 = 0x4d46_4d53
    /// What analyses and stores as no other version does.
    static let version: UInt32 = 1
    private static let segmentBytes = 44

    /// The last of the library's changes that the index has.
    var sequence: Int64 = 0
    /// Of the next file; no number is used again.
    var next: UInt64 = 1
    var segments: [SegmentFile] = []

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.u32(IndexManifest.magic)
        writer.u32(IndexManifest.version)
        writer.u64(UInt64(bitPattern: sequence))
        writer.u64(next)
        writer.u32(UInt32(segments.count))
        for segment in segments {
            writer.u64(segment.number)
            writer.u64(UInt64(segment.length))
            writer.u64(segment.high)
            writer.u64(segment.low)
            writer.u32(UInt32(segment.documents))
            writer.u64(segment.deletions)
        }
        writer.append(ContentHash.xxh3(writer.bytes))
        return writer.bytes
    }

    init() {}

    init(bytes: [UInt8]) throws(SearchError) {
        guard bytes.count >= 44, ContentHash.xxh3(Array(bytes.dropLast(16))) == Array(bytes.suffix(16)) else {
            throw SearchError(.damaged, "the manifest is damaged")
        }
        var values = Values(bytes: bytes)
        guard values.u32() == IndexManifest.magic else { throw SearchError(.damaged, "the manifest is none of ours") }
        guard values.u32() == IndexManifest.version else {
            throw SearchError(.version, "the index is another version's")
        }
        sequence = Int64(bitPattern: values.u64())
        next = values.u64()
        let count = Int(values.u32())
        guard bytes.count == 28 + count * (IndexManifest.segmentBytes) + 16 else {
            throw SearchError(.damaged, "the manifest has a wrong length")
        }
        for _ in 0..<count {
            segments.append(
                SegmentFile(
                    number: values.u64(), length: Int(truncatingIfNeeded: values.u64() & 0xffff_ffff_ffff),
                    high: values.u64(), low: values.u64(), documents: Int(values.u32()), deletions: values.u64()))
        }
    }

    static func read(_ directory: FilePath) throws(SearchError) -> IndexManifest {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try readFile(directory.appending(name), limit: 1 << 20) } catch {
            let isMissing = error.errno == .noEntry
            throw SearchError(isMissing ? .missing : .disk, "cannot read the manifest", cause: error)
        }
        return try IndexManifest(bytes: bytes)
    }

    private struct Values {
        let bytes: [UInt8]
        var offset = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func u64() -> UInt64 { take(8) }
        mutating func u32() -> UInt32 { UInt32(truncatingIfNeeded: take(4)) }

        private mutating func take(_ count: Int) -> UInt64 {
            let part = bytes.dropFirst(offset).prefix(count)
            offset += count
            return part.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
