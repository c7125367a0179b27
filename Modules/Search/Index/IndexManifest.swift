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
    static let version: UInt32 = 2
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
        self = try Bytes.reading(bytes, IndexManifest.parsed).get()
    }

    private static func parsed(_ bytes: Bytes) -> Result<IndexManifest, SearchError> {
        guard bytes.u32(0) == magic else { return .failure(SearchError(.damaged, "the manifest is none of ours")) }
        guard bytes.u32(4) == version else { return .failure(SearchError(.version, "the index is another version's")) }
        var manifest = IndexManifest()
        manifest.sequence = Int64(bitPattern: bytes.u64(8))
        manifest.next = bytes.u64(16)
        let count = Int(bytes.u32(24))
        guard bytes.count == 28 + count * segmentBytes + 16 else {
            return .failure(SearchError(.damaged, "the manifest has a wrong length"))
        }
        for number in 0..<count {
            let at = 28 + number * segmentBytes
            manifest.segments.append(
                SegmentFile(
                    number: bytes.u64(at), length: Int(bytes.u64(at + 8) & 0xffff_ffff_ffff),
                    high: bytes.u64(at + 16), low: bytes.u64(at + 24), documents: Int(bytes.u32(at + 32)),
                    deletions: bytes.u64(at + 36)))
        }
        return .success(manifest)
    }

    static func read(_ directory: FilePath) throws(SearchError) -> IndexManifest {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try readFile(directory.appending(name), limit: 1 << 20) } catch {
            let isMissing = error.errno == .noEntry
            throw SearchError(isMissing ? .missing : .disk, "cannot read the manifest", cause: error)
        }
        return try IndexManifest(bytes: bytes)
    }
}
