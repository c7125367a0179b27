import MusicFSSQLite
import MusicFSSystem

extension DatabaseFile {
    /// Opens a database that may be open elsewhere; it is neither made, nor changed, nor moved aside.
    ///
    /// - Returns: nil where there is none, or nothing in it yet.
    /// - Throws: CacheError where another version of MusicFS has made it; SystemError, SQLiteError.
    static func openToRead(_ path: FilePath, _ kind: Kind, version: Int64) throws -> Database? {
        guard try isThere(path) else { return nil }
        let database = try Database.open(path, .readOnly, cacheKibibytes: 2048)
        guard let found = try self.version(database, kind) else { return nil }
        guard found == version else {
            throw CacheError(
                .failed, "\(path) was made by another version of MusicFS; it is made anew when it is mounted")
        }
        return database
    }

    private static func isThere(_ path: FilePath) throws(SystemError) -> Bool {
        do throws(SystemError) {
            _ = try FileStatus.of(path)
            return true
        } catch  where error.errno == .noEntry { return false }
    }
}
