import MusicFSCAS
import MusicFSCache
import MusicFSCore
package import MusicFSSystem

/// What `musicfs backup` and `musicfs restore` do. Neither needs the daemon: a copy of a database that is served is as
/// whole as one of a database that is not, and what is restored is put where the next server takes it.
package struct Backup {
    /// The instance's own.
    private let cacheDirectory: FilePath
    private let stateDirectory: FilePath

    private static let library = "library.db"

    package init(cacheDirectory: FilePath, stateDirectory: FilePath) {
        self.cacheDirectory = cacheDirectory
        self.stateDirectory = stateDirectory
    }

    private var stores: [(name: String, path: FilePath)] {
        [
            (Curation.fileName, stateDirectory.appending(Curation.fileName)),
            (Self.library, cacheDirectory.appending(Self.library)),
        ]
    }

    /// - Returns: the names of the stores that are in it.
    package func write(to target: FilePath) throws -> [String] {
        var copies: [(name: String, path: FilePath)] = []
        defer { for copy in copies { try? unlink(copy.path) } }
        for (name, path) in stores where (try? FileStatus.of(path)) != nil {
            let copy = target.suffixed(".\(name)")
            try LibraryFile.copy(path, to: copy)
            copies.append((name, copy))
        }
        guard !copies.isEmpty else {
            throw MountError("there is nothing to back up in \(stateDirectory) and \(cacheDirectory)")
        }
        try BackupFile.write(copies, to: target)
        return copies.map(\.name)
    }

    /// Puts what a backup holds where the next server finds it.
    ///
    /// - Returns: the names of the stores that were in it.
    package func stage(_ source: FilePath) throws -> [String] {
        try createDirectories(cacheDirectory, mode: 0o700)
        try createDirectories(stateDirectory, mode: 0o700)
        return try BackupFile.extract(source, to: stores.map { ($0.name, $0.path.suffixed(".restore")) })
    }
}
