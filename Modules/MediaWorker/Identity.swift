import CTagLib
import CXXHash
import MusicFSCore
import MusicFSSystem

/// Hashes what tells two files apart (D18), straight from the file.
struct IdentityReader {
    let file: SparseFile
    let layout: ctaglib_layout

    private static let blockSize: Int64 = 4096
    private static let blockCount: Int64 = 16

    /// Where neither the layout nor the end of the headers is known, the tags are somewhere in the first MiB. The last
    /// 64 KiB stand for a tail that is not known.
    private static let assumedHead: Int64 = 1 << 20
    private static let assumedTail: Int64 = 64 << 10

    func read() throws(SystemError) -> ContentIdentity {
        let size = layout.file_size
        let headEnd =
            layout.known
            ? layout.audio_start : layout.head_end > 0 ? layout.head_end : min(Self.assumedHead, size)
        let tailStart = layout.known ? layout.audio_end : max(headEnd, size - Self.assumedTail)
        let audio = layout.known ? layout.audio_start..<layout.audio_end : 0..<size
        return ContentIdentity(
            head: try hash(0..<headEnd), tail: try hash(tailStart..<size),
            audio: layout.has_checksum ? ContentHash.xxh3(layout.checksumBytes) : try sampleHash(audio))
    }

    /// The hash of the length, as eight bytes with the lowest first, and of blocks whose starts divide the range evenly:
    /// the first begins with it and the last ends with it. A range that is not longer than all blocks is hashed whole.
    private func sampleHash(_ range: Range<Int64>) throws(SystemError) -> [UInt8] {
        let length = range.upperBound - range.lowerBound
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        if length <= Self.blockSize * Self.blockCount {
            bytes += try file.read(at: range.lowerBound, count: Int(length))
        } else {
            let last = length - Self.blockSize
            for block in 0..<Self.blockCount {
                // Divided first: the product of a length and 15 may not fit.
                let step = last / (Self.blockCount - 1)
                let start = block == Self.blockCount - 1 ? last : step * block
                bytes += try file.read(at: range.lowerBound + start, count: Int(Self.blockSize))
            }
        }
        return ContentHash.xxh3(bytes)
    }

    private func hash(_ range: Range<Int64>) throws(SystemError) -> [UInt8] {
        let chunk: Int64 = 1 << 20
        if range.upperBound - range.lowerBound <= chunk {
            return ContentHash.xxh3(
                try file.read(at: range.lowerBound, count: Int(range.upperBound - range.lowerBound)))
        }
        guard let state = unsafe XXH3_createState() else { throw SystemError("XXH3_createState", nil, .noMemory) }
        defer { unsafe XXH3_freeState(state) }
        unsafe XXH3_128bits_reset(state)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let bytes = try file.read(at: offset, count: Int(min(chunk, range.upperBound - offset)))
            if bytes.isEmpty { break }
            _ = unsafe bytes.withUnsafeBytes { unsafe XXH3_128bits_update(state, $0.baseAddress, $0.count) }
            offset += Int64(bytes.count)
        }
        let hash = unsafe XXH3_128bits_digest(state)
        return [hash.high64, hash.low64].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }
}

extension ctaglib_layout {
    var checksumBytes: [UInt8] { unsafe withUnsafeBytes(of: checksum) { unsafe Array($0) } }
}
