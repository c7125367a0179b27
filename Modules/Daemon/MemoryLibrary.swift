import MusicFSCache
import MusicFSSystem

/// Where a library lies while the cache directory cannot be used: in a directory of a file system in memory, so that it
/// outlives a server as the one on disk does. It goes with the mount.
struct MemoryLibrary {
    private let candidates: [FilePath]

    /// Bytes; about 800,000 tracks. What does not fit is not shown.
    static let limit: Int64 = 512 << 20

    init(_ settings: DaemonSettings) {
        let name = "musicfs-\(ThisProcess.user)-\(settings.name)"
        candidates = [FilePath("/dev/shm"), settings.socketPath.parent].map { $0.appending(name) }
    }

    /// The library's file; nil when there is none.
    var existing: FilePath? {
        candidates.filter(isOurs).map { $0.appending("library.db") }.first { (try? FileStatus.of($0)) != nil }
    }

    /// Makes the directory.
    ///
    /// - Returns: where the library's file is, or is to be made.
    /// - Throws: the error of the last place that was tried.
    func prepare() throws(SystemError) -> FilePath {
        if let existing { return existing }
        var failure = SystemError("mkdir", nil, .noEntry)
        for directory in candidates {
            do throws(SystemError) {
                try createDirectories(directory, mode: 0o700)
                guard isOurs(directory) else { throw SystemError("mkdir", directory, .access) }
                return directory.appending("library.db")
            } catch { failure = error }
        }
        throw failure
    }

    /// Whoever may write to /dev/shm could have made a directory of that name, or a link.
    private func isOurs(_ directory: FilePath) -> Bool {
        guard let status = try? FileStatus.ofLink(directory) else { return false }
        return status.kind == .directory && status.owner == ThisProcess.user && status.mode & 0o077 == 0
    }

    func remove() {
        for directory in candidates where isOurs(directory) {
            try? LibraryFile.remove(directory.appending("library.db"))
            try? removeDirectory(directory)
        }
    }
}
