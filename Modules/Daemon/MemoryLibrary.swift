import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// Where a library lies while the cache directory cannot be used: in a directory of a file system in memory, so that it
/// outlives a server as the one on disk does. It goes with the mount.
package struct MemoryLibrary: Sendable {
    private let candidates: [FilePath]

    /// Bytes; about 800,000 tracks. What does not fit is not shown.
    static let limit: Int64 = 512 << 20
    /// What a copy is called until it is whole.
    static let copySuffix = ".copy"

    package init(_ settings: DaemonSettings) {
        let name = "musicfs-\(ThisProcess.user)-\(settings.name)"
        candidates = [FilePath("/dev/shm"), settings.socketPath.parent].map { $0.appending(name) }
    }

    /// The directory with the library first, then those that could have one.
    var directories: [FilePath] {
        let existing = candidates.filter { isOurs($0) && (try? FileStatus.of($0.appending(Library.fileName))) != nil }
        return existing + candidates.filter { !existing.contains($0) }
    }

    /// Makes a directory.
    ///
    /// - Returns: where the library's file is in it, or is to be made.
    func prepare(_ directory: FilePath) throws(SystemError) -> FilePath {
        try createDirectories(directory, mode: 0o700)
        guard isOurs(directory) else { throw SystemError("mkdir", directory, .access) }
        return directory.appending(Library.fileName)
    }

    /// Has `body` put a library into the first directory that takes one, given where its file is to be.
    ///
    /// - Throws: why the last of them does not.
    func withDirectory<R>(log: Logger, _ body: (FilePath) throws -> R) throws -> R {
        var failure: any Error = SystemError("mkdir", nil, .noEntry)
        for directory in directories {
            do { return try body(try prepare(directory)) } catch {
                log.warning(
                    "the library cannot be kept in memory there",
                    metadata: ["path": "\(directory)", "error": "\(error)"])
                failure = error
                remove(directory)
            }
        }
        throw failure
    }

    /// Whoever may write to /dev/shm could have made a directory of that name, or a link.
    private func isOurs(_ directory: FilePath) -> Bool {
        guard let status = try? FileStatus.ofLink(directory) else { return false }
        return status.kind == .directory && status.owner == ThisProcess.user && status.mode & 0o077 == 0
    }

    func remove(_ directory: FilePath) {
        guard isOurs(directory) else { return }
        for suffix in ["", Self.copySuffix] { try? LibraryFile.remove(directory.appending(Library.fileName + suffix)) }
        try? removeDirectory(directory)
    }

    package func remove() { for directory in candidates { remove(directory) } }
}
