import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// A list as a file, in extended M3U with UTF-8: each path is relative to the directory that the file is in.
final class Playlist: OpenContent, Sendable {
    /// How many tracks one has at most.
    static let limit = 10_000
    /// Bytes; what comes behind them is left out.
    private static let sizeLimit = 4 << 20

    let bytes: [UInt8]
    /// A hash of the bytes.
    let content: UInt64
    /// What the list held when it was asked for (`ListTable.window`).
    let window: Int64

    init(_ tracks: [TrackPlace], window: Int64) {
        var text = Array("#EXTM3U\n".utf8)
        for track in tracks {
            let path = track.path.bytes.drop { $0 == UInt8(ascii: "/") }
            // It would be two lines. The tree has no such names.
            if path.contains(where: { $0 == 0x0a || $0 == 0x0d }) { continue }
            if text.count > Self.sizeLimit { break }
            let seconds = track.duration.map { ($0 &+ 500) / 1000 } ?? -1
            text += "#EXTINF:\(seconds),\(Self.line(track.artist)) - \(Self.line(track.title))\n../".utf8
            text += path
            text.append(0x0a)
        }
        bytes = text
        content = unsafe text.withUnsafeBytes { unsafe ContentHash.xxh3Words($0).high }
        self.window = window
    }

    private static func line(_ tag: String?) -> String {
        guard let tag, !tag.allSatisfy(\.isWhitespace) else { return "Unknown" }
        var line = String.UnicodeScalarView()
        for scalar in tag.unicodeScalars {
            let isControl =
                scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || [0x2028, 0x2029].contains(scalar.value)
            line.append(isControl ? " " : scalar)
        }
        return String(line)
    }

    // MARK: OpenContent

    var descriptor: SharedFD? { nil }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
        guard offset >= 0, offset <= Int64(bytes.count) else { return nil }
        let part = bytes[Int(offset)...].prefix(buffer.count)
        unsafe buffer.copyBytes(from: part)
        return part.count
    }

    func read(
        at offset: Int64, count: Int, completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 0), alignment: 1)
        let bytes = unsafe ContentBytes(owning: buffer)
        guard unsafe readNow(into: buffer, at: offset) == count else { return completion(.failure(.failed(.io))) }
        completion(.success(bytes))
    }
}
