package import MusicFSCore

/// One of the content versions that tests of the store's durability write and expect. Two each have the same audio
/// behind different heads, so that they share chunks.
package struct StressVersion: Hashable, Sendable {
    package let number: Int

    package static let count = 24
    package static var all: [StressVersion] { (0..<count).map(StressVersion.init) }

    package init(_ number: Int) { self.number = number }

    private var head: Int64 { 5000 + Int64(number) * 1000 }
    private var audio: Int64 { 300_000 + Int64(number / 2) * 37_000 }

    package var size: Int64 { head + audio }
    package var payload: Range<Int64> { head..<size }
    package var key: ContentKey {
        ContentKey(origin: "o", path: Array("\(number)".utf8), stamp: FileStamp(size: size, modified: 1, inode: 0))
    }

    /// The version with the same audio.
    package var twin: StressVersion { StressVersion(number ^ 1) }

    /// All of it.
    package var bytes: [UInt8] {
        Pattern.bytes(1000 + UInt64(number), 0..<head) + Pattern.bytes(UInt64(number / 2), 0..<audio)
    }
}
