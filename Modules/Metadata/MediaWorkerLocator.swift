package import MusicFSSystem

/// Finds the executable of the media worker.
package enum MediaWorkerLocator {
    package struct NotFound: Error, Hashable, Sendable, CustomStringConvertible {
        /// Where it was looked for.
        package let candidates: [FilePath]

        package var description: String {
            let places = candidates.map(\.description).joined(separator: " or ")
            return "the media worker musicfs-media was not found as \(places); install it there, or name it in the "
                + "environment variable MUSICFS_MEDIA"
        }
    }

    private static let name = "musicfs-media"

    /// - Parameter environment: `MUSICFS_MEDIA` in it overrides the search beside this executable.
    /// - Throws: when there is no such file, with all the places looked at.
    package static func find(environment: [String: String]) throws(NotFound) -> FilePath {
        var candidates: [FilePath] = []
        if let override = environment["MUSICFS_MEDIA"], !override.isEmpty {
            candidates = [FilePath(override)]
        } else if let own = try? readLink("/proc/self/exe") {
            candidates = [
                own.parent.appending(name),
                own.parent.parent.appending("libexec/musicfs").appending(name),
            ]
        }
        for candidate in candidates {
            if let status = try? FileStatus.of(candidate), status.kind == .regular, status.mode & 0o111 != 0 {
                return candidate
            }
        }
        throw NotFound(candidates: candidates)
    }
}
