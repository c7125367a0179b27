import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// The backups of curation.db, `curation-2026-11-21.db` and so on.
struct CurationBackups {
    let directory: FilePath

    private static let kept = 7

    /// From the newest on.
    private var all: [FilePath] {
        guard let folder = try? open(directory, [.read, .directory]),
            let entries = try? listDirectory(folder.raw, path: directory)
        else { return [] }
        let names = entries.map { String(decoding: $0.name, as: UTF8.self) }.filter {
            $0.hasPrefix("curation-") && $0.hasSuffix(".db")
        }
        return names.sorted(by: >).map { directory.appending($0) }
    }

    /// The newest that passes a full check.
    var newestGood: FilePath? {
        all.first { path in
            guard let database = try? Database.open(path, .readOnly),
                (try? DatabaseFile.version(database, .curation)).flatMap({ $0 }) == Curation.schemaVersion
            else { return false }
            return (try? database.integrityProblems(full: true)) == []
        }
    }

    /// Whether a file was changed after the newest of them was made.
    func isStale(than path: FilePath) -> Bool {
        guard let status = try? FileStatus.of(path) else { return false }
        guard let newest = all.first, let last = try? FileStatus.of(newest) else { return true }
        return last.modified < status.modified
    }

    /// - Throws: SQLiteError or SystemError; older ones are as they were then.
    func write(_ database: Database) throws -> FilePath {
        try createDirectories(directory, mode: 0o700)
        let target = directory.appending("curation-\(CalendarTime(nanoseconds: wallClockNanoseconds()).date).db")
        try DatabaseFile.write(database, to: target)
        for old in all.dropFirst(Self.kept) { try unlink(old) }
        return target
    }
}
