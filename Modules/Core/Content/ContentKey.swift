/// Names the bytes of one content version, whichever database knows it by which number: what is cached under a key
/// stays right when the library is built anew.
package struct ContentKey: Hashable, Sendable {
    /// 16 bytes.
    package let bytes: [UInt8]

    package static let byteCount = 16

    /// - Returns: nil unless there are 16 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == ContentKey.byteCount else { return nil }
        self.bytes = bytes
    }

    /// The key of a file that is known by its place and stamp alone: XXH3 over both. The inode number is left out, since
    /// a restored backup or a second mount of one server changes it without changing the file.
    package init(origin: String, path: [UInt8], stamp: FileStamp) {
        var writer = ByteWriter(reserving: path.count + 64)
        writer.write(Array(origin.utf8))
        writer.write(path)
        writer.write(UInt64(bitPattern: stamp.size))
        writer.write(UInt64(bitPattern: stamp.modified))
        writer.write(stamp.etag)
        bytes = ContentHash.xxh3(writer.bytes)
    }

    /// The key of a file whose content is identified (D18): copies of it on several origins share it.
    package init(size: Int64, identity: ContentIdentity) {
        var writer = ByteWriter(reserving: 64)
        writer.write(UInt64(bitPattern: size))
        writer.write(identity.head)
        writer.write(identity.tail)
        writer.write(identity.audio)
        bytes = ContentHash.xxh3(writer.bytes)
    }
}
