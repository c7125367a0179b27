import MusicFSCore

/// The name of a chunk: the XXH3-128 of its bytes (D6).
package struct ChunkID: Hashable, Sendable {
    /// 16 bytes, most significant first.
    package let bytes: [UInt8]

    package init(of content: [UInt8]) { bytes = ContentHash.xxh3(content) }
}
