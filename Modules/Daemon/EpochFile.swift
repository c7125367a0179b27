import MusicFSSystem

/// The number of the last library that was made for an instance, in its state directory: it outlives the library, so
/// that an inode number of an old one never means a file of a new one.
struct EpochFile {
    let path: FilePath

    /// Gives out the next number.
    ///
    /// - Parameter known: the highest that the caller knows of; it counts where the file cannot be read.
    /// - Returns: the number, and why it could not be saved.
    func next(after known: UInt64) -> (epoch: UInt64, failure: SystemError?) {
        let text = (try? readFile(path, limit: 32)) ?? []
        let saved = UInt64(String(decoding: text, as: UTF8.self).filter(\.isNumber)) ?? 0
        let (next, overflow) = max(saved, known).addingReportingOverflow(1)
        do throws(SystemError) {
            try writeFileAtomically(path, Array("\(overflow ? 1 : next)\n".utf8))
            return (overflow ? 1 : next, nil)
        } catch { return (overflow ? 1 : next, error) }
    }
}
