import MusicFSCore

/// The record at the end of a pack that says which part of which version a chunk is: enough to make `cas.db` anew.
///
/// 192 bytes, numbers little-endian: magic (8), key (16), version size (8), payload start and end (8 each, -1 for
/// none), offset (8), length (8), chunk id (16), length of the origin's id (8), the id itself (64, zeros behind), the
/// chunk's position in the pack (8), where in the pack the trailers begin (8), zeros (16), XXH3-64 of all before (8; the
/// low word of XXH3-128). A pack has one for each chunk and each version that uses it.
struct ChunkTrailer: Hashable, Sendable {
    var info: VersionInfo
    var offset: Int64
    var length: Int
    var id: ChunkID
    /// Where in the pack the chunk begins, and where all chunks end.
    var position: Int64
    var dataSize: Int64

    static let byteCount = 192
    /// What stands at the begin of one that does not count any more.
    static let struck = [UInt8](repeating: 0, count: 8)
    static let magic = Array("MFSCHNK2".utf8)

    var bytes: [UInt8] {
        var bytes = Self.magic + info.key.bytes
        let numbers = [
            info.size, info.payload?.lowerBound ?? -1, info.payload?.upperBound ?? -1, offset, Int64(length),
        ]
        for number in numbers { bytes += Self.little(UInt64(bitPattern: number)) }
        let origin = Array(info.origin.utf8.prefix(64))
        bytes += id.bytes + Self.little(UInt64(origin.count)) + origin + [UInt8](repeating: 0, count: 64 - origin.count)
        for number in [position, dataSize] { bytes += Self.little(UInt64(bitPattern: number)) }
        bytes += [UInt8](repeating: 0, count: Self.byteCount - 8 - bytes.count)
        return bytes + Self.checksum(bytes)
    }

    /// - Returns: nil for anything but a whole record.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount, bytes.starts(with: Self.magic),
            Array(bytes[(Self.byteCount - 8)...]) == Self.checksum(Array(bytes[..<(Self.byteCount - 8)])),
            let key = ContentKey(bytes: Array(bytes[8..<24])), let id = ChunkID(bytes: Array(bytes[64..<80]))
        else { return nil }
        func number(_ position: Int) -> Int64 {
            Int64(bitPattern: bytes[position..<(position + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }
        let (start, end) = (number(32), number(40))
        let nameLength = number(80)
        guard (0...64).contains(nameLength), number(24) >= 0, IndexBounds.offset.contains(number(48)),
            IndexBounds.length.contains(number(56)), number(152) >= 0, IndexBounds.dataSize.contains(number(160)),
            number(152) <= number(160) - number(56)
        else { return nil }
        let origin = String(decoding: bytes[88..<(88 + Int(nameLength))], as: UTF8.self)
        info = VersionInfo(
            key: key, size: number(24), payload: start >= 0 && start <= end ? start..<end : nil, origin: origin)
        offset = number(48)
        length = Int(number(56))
        self.id = id
        (position, dataSize) = (number(152), number(160))
    }

    /// - Parameter dataSize: where the trailers of the pack that the entry lies in begin.
    init(info: VersionInfo, _ entry: Manifest.Entry, dataSize: Int64 = 0) {
        self.info = info
        (offset, length, id) = (entry.offset, entry.length, entry.id)
        (position, self.dataSize) = (entry.place.position, dataSize)
    }

    private static func little(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static func checksum(_ bytes: [UInt8]) -> [UInt8] { Array(ContentHash.xxh3(bytes).suffix(8)) }
}
