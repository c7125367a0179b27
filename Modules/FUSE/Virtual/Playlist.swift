import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// A list as a file, in extended M3U with UTF-8: each path is relative to the directory that the file is in.
final class Playlist: OpenContent, Sendable {
    /// How many tracks one has at most.
    static let limit = 10_000
    /// Bytes; what comes behind them is left out.
    private static let sizeLimit = 4 << 20
    /// Files of lists are in a directory of the root.
    private static let prefix = Array("../".utf8)

    let bytes: [UInt8]
    /// A hash of the bytes.
    let content: UInt64
    /// What the list held when it was asked for (`ListTable.window`).
    let window: Int64

    init(_ tracks: [TrackPlace], window: Int64) {
        var text = PlaylistText.header
        for track in tracks {
            if text.count > Self.sizeLimit { break }
            text += PlaylistText.entry(
                path: track.path.bytes, prefix: Self.prefix, duration: track.duration, artist: track.artist,
                title: track.title)
        }
        bytes = text
        content = unsafe text.withUnsafeBytes { unsafe ContentHash.xxh3Words($0).high }
        self.window = window
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
