import MusicFSSystem

/// The number of the last library that was made for an instance, in its state directory: it outlives the library, so
/// that an inode number of an old one never means a file of a new one.
struct EpochFile {
    let path: FilePath

    /// The highest that was saved; 0 where the file cannot be read.
    var saved: UInt64 {
        let text = (try? readFile(path, limit: 32)) ?? []
        return UInt64(String(decoding: text, as: UTF8.self).filter(\.isNumber)) ?? 0
    }

    func save(_ epoch: UInt64) throws(SystemError) { try writeFileAtomically(path, Array("\(epoch)\n".utf8)) }

    static func next(after known: UInt64) -> UInt64 { known == .max ? 1 : known + 1 }
}
