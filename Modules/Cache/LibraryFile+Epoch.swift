import MusicFSSQLite
package import MusicFSSystem

/// The epoch of a library that is not open.
///
/// A file that another was copied from and that was opened again later has not seen the ids that were given out there
/// meanwhile. It would give them to other files.
extension LibraryFile {
    /// - Returns: nil where there is none, or it cannot be read.
    package static func epoch(_ path: FilePath) -> Int64? {
        guard (try? FileStatus.of(path)) != nil, let database = try? Database.open(path, .readOnly) else { return nil }
        return (try? database.integer("SELECT value FROM meta WHERE key = 'epoch'")) ?? nil
    }

    /// Gives a library another epoch, so that no id of it means what it did.
    package static func renewEpoch(_ path: FilePath, _ epoch: Int64) throws(CacheError) {
        try wrapping("renew the epoch of \(path)") {
            try Database.open(path, .readWrite).execute("UPDATE meta SET value = \(epoch) WHERE key = 'epoch'")
        }
    }
}
