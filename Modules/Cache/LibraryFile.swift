import MusicFSSQLite
package import MusicFSSystem

/// The files of a library that is not open: copied, moved aside, looked through.
package enum LibraryFile {
    /// Renames a database out of the way, its log with it, in place of what was moved aside before.
    package static func setAside(_ path: FilePath) throws(CacheError) {
        try wrapping("set \(path) aside") { try DatabaseFile.setAside(path) }
    }

    package static func remove(_ path: FilePath) throws(CacheError) {
        try wrapping("remove \(path)") { try DatabaseFile.remove(path) }
    }

    /// Puts a file that is finished in the place of another, at once.
    package static func put(_ finished: FilePath, at target: FilePath) throws(CacheError) {
        try wrapping("put \(finished) at \(target)") { try DatabaseFile.put(finished, at: target) }
    }

    /// Copies a database that nobody has open for writing.
    ///
    /// - Parameter limit: bytes that the source may have.
    /// - Throws: `.damaged` when it cannot be read through, `.disk` when a disk gives errors.
    package static func copy(_ source: FilePath, to target: FilePath, limit: Int64? = nil) throws(CacheError) {
        try wrapping("copy \(source) to \(target)") {
            let size = try FileStatus.of(source).size
            if let limit, size > limit {
                throw CacheError(.failed, "library: \(source) has \(size) bytes, and \(limit) is the most")
            }
            try DatabaseFile.write(try Database.open(source, .readOnly), to: target)
        }
    }

    /// Puts a library that was restored in the place of another. Ids that were given out since it was backed up are not
    /// to mean anything in it: it gets an epoch of its own.
    ///
    /// - Throws: `.damaged` or `.newerSchema` where it cannot be used; nothing is changed then.
    package static func adopt(_ restored: FilePath, at path: FilePath, epoch: () throws -> Int64) throws(CacheError) {
        guard let found = try examine(restored, isFull: true), found.problems.isEmpty, found.isOfThisVersion else {
            throw CacheError(.damaged, "library: \(restored) is damaged, or of another version")
        }
        try wrapping("restore \(path)") {
            try renewEpoch(restored, try epoch())
            try DatabaseFile.setAside(path)
            try DatabaseFile.put(restored, at: path)
        }
    }

    /// The readers of a library that may be open elsewhere, for one thread; nothing is changed.
    ///
    /// - Returns: nil where there is none, or nothing in it yet.
    /// - Throws: also where another version of MusicFS has made it.
    package static func readers(
        _ path: FilePath
    ) throws(CacheError) -> (library: LibraryReader, tree: TreeReader)? {
        try wrapping("open \(path)") {
            let report = FailureReport { _, _ in }
            return try DatabaseFile.openToRead(path, .library, version: Schema.version).map {
                (try LibraryReader(database: $0, report: report), try TreeReader(database: $0, report: report))
            }
        }
    }

    /// What a look through a library found.
    package struct Examination: Hashable, Sendable {
        /// Empty when nothing is wrong.
        package var problems: [String]
        package var tracks: Int64
        /// Whether every origin was scanned to its end at least once.
        package var isComplete: Bool
        package var isOfThisVersion = true
    }

    /// Looks a database through that may be open elsewhere.
    ///
    /// - Parameter isFull: `integrity_check`, which compares the indexes too, instead of `quick_check`.
    /// - Returns: nil when there is none.
    /// - Throws: where its disk gives errors.
    package static func examine(_ path: FilePath, isFull: Bool) throws(CacheError) -> Examination? {
        guard (try? FileStatus.of(path)) != nil else { return nil }
        do throws(CacheError) {
            return try look(path, isFull)
        } catch {
            guard error.code == .damaged else { throw error }
            return Examination(problems: [error.message], tracks: 0, isComplete: false)
        }
    }

    private static func look(_ path: FilePath, _ isFull: Bool) throws(CacheError) -> Examination {
        try wrapping("check \(path)") {
            let database = try Database.open(path, .readOnly, cacheKibibytes: 2048)
            let problems = try database.integrityProblems(full: isFull)
            let version = try DatabaseFile.version(database, .library)
            guard problems.isEmpty, version == Schema.version else {
                return Examination(
                    problems: problems, tracks: 0, isComplete: false, isOfThisVersion: version == Schema.version)
            }
            let unscanned = try database.integer(
                "SELECT count(*) FROM origins WHERE last_scan IS NULL AND is_forgotten = 0")
            return Examination(
                problems: [], tracks: try LibraryCounters.load(database).tracks, isComplete: unscanned == 0)
        }
    }
}
