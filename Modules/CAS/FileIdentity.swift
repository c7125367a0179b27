import MusicFSSystem

/// Which file it is, whatever its name: an inode's number alone is unique on its own file system only.
struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    init(_ status: FileStatus) { (device, inode) = (status.device, status.inode) }

    /// - Returns: nil where there is no such file.
    static func of(_ path: FilePath) throws(SystemError) -> FileIdentity? {
        do throws(SystemError) {
            return FileIdentity(try FileStatus.of(path))
        } catch {
            if error.errno == .noEntry { return nil }
            throw error
        }
    }
}
