package import MusicFSSystem

/// A database's file with what lies beside it: replaced, moved aside, removed.
package enum DatabaseFile {
    private static let parts = ["", "-wal", "-shm"]

    /// What a database is, in its header (`PRAGMA application_id`): a file that came into the place of another, or is some
    /// other program's, is not taken for what it is not.
    package enum Kind: Int64, Sendable {
        /// "mfsl"
        case library = 0x6d66_736c
        /// "mfsi"
        case chunkIndex = 0x6d66_7369
        /// "mfsu"
        case curation = 0x6d66_7375
        /// "mfsb"
        case backup = 0x6d66_7362

        /// To be executed when the database is made.
        package var statement: String { "PRAGMA application_id=\(rawValue);" }
    }

    /// The schema version of a database of this kind (`PRAGMA user_version`); nil when nothing is in it yet.
    ///
    /// - Throws: an error that means damage when it is of another kind.
    package static func version(_ database: Database, _ kind: Kind) throws(SQLiteError) -> Int64? {
        if try database.integer("PRAGMA application_id") == kind.rawValue {
            return try database.integer("PRAGMA user_version") ?? 0
        }
        guard try database.integer("SELECT 1 FROM sqlite_master LIMIT 1") == nil else {
            throw SQLiteError(extendedCode: 26, message: "it is another database", context: "application_id")
        }
        return nil
    }

    /// Renames a database out of the way, its log with it, to `NAME.bad-SECONDS`. What was moved aside before is removed:
    /// one is enough to find out what had happened.
    package static func setAside(_ path: FilePath) throws(SystemError) {
        removeOlder(path)
        let suffix = ".bad-\(wallClockNanoseconds() / 1_000_000_000)"
        for part in parts {
            do throws(SystemError) {
                try rename(path.suffixed(part), to: path.suffixed(suffix + part))
            } catch  where error.errno == .noEntry { continue }
        }
    }

    private static func removeOlder(_ path: FilePath) {
        guard let directory = try? open(path.parent, [.read, .directory]),
            let entries = try? listDirectory(directory.raw, path: path.parent)
        else { return }
        let prefix = Array(path.lastComponent) + Array(".bad-".utf8)
        for entry in entries where entry.name.starts(with: prefix) { try? unlink(path.parent.appending(entry.name)) }
    }

    /// Removes a database and what belongs to it; what is not there is no error.
    package static func remove(_ path: FilePath) throws(SystemError) {
        for part in parts {
            do throws(SystemError) { try unlink(path.suffixed(part)) } catch  where error.errno == .noEntry { continue }
        }
    }

    /// Writes all of an open database to `target`, in place of what is there, which nobody may have open.
    ///
    /// - Throws: SQLiteError or SystemError; what was at `target` is still there then.
    package static func write(_ database: Database, to target: FilePath) throws {
        let temporary = target.suffixed(".tmp")
        try remove(temporary)
        do {
            try database.copy(to: temporary)
            let file = try open(temporary, [.readWrite])
            try synchronize(file.raw)
            // The log of a database that was there before would be taken for the new one's.
            try remove(target)
            try rename(temporary, to: target)
            let directory = try open(target.parent, [.read, .directory])
            try synchronize(directory.raw)
        } catch {
            try? unlink(temporary)
            throw error
        }
    }
}
