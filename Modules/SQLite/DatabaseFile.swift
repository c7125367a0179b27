package import MusicFSSystem

/// A database's file with what lies beside it: replaced, moved aside, removed.
package enum DatabaseFile {
    /// What SQLite keeps beside a database. A journal that an end in the middle of a write has left belongs to the file:
    /// without it, half a change would be taken for the whole.
    private static let besides = ["-wal", "-shm", "-journal"]

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
        /// "mfsh"
        case history = 0x6d66_7368

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
        try move(path, to: path.suffixed(suffix))
    }

    /// Renames a database with what lies beside it; what is not there is no error.
    package static func move(_ path: FilePath, to target: FilePath) throws(SystemError) {
        for part in [""] + besides {
            do throws(SystemError) {
                try rename(path.suffixed(part), to: target.suffixed(part))
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
        for part in [""] + besides { try removeIfThere(path.suffixed(part)) }
    }

    private static func removeIfThere(_ path: FilePath) throws(SystemError) {
        do throws(SystemError) { try unlink(path) } catch  where error.errno == .noEntry { return }
    }

    /// Writes all of an open database to `target`, in place of what is there, which nobody may have open.
    ///
    /// - Parameter finish: changes the copy before it takes its place.
    /// - Throws: SQLiteError or SystemError; what was at `target` is still there then.
    package static func write(
        _ database: Database, to target: FilePath, finish: ((Database) throws -> Void)? = nil
    ) throws {
        let temporary = target.suffixed(".tmp")
        try remove(temporary)
        do {
            try database.copy(to: temporary)
            if let finish { try finish(try Database.open(temporary, .readWrite)) }
            try put(temporary, at: target)
        } catch {
            try? remove(temporary)
            throw error
        }
    }

    /// Has a finished database, which nobody has open, take the place of another at once and for ever.
    package static func put(_ finished: FilePath, at target: FilePath) throws(SystemError) {
        let file = try open(finished, [.readWrite])
        try synchronize(file.raw)
        // What lies beside a database that was there before would be taken for the new one's.
        for part in besides { try removeIfThere(target.suffixed(part)) }
        try rename(finished, to: target)
        let directory = try open(target.parent, [.read, .directory])
        try synchronize(directory.raw)
    }

    /// Makes an empty file beside another, of a name that nobody has.
    package static func makeTemporary(beside path: FilePath) throws(SystemError) -> FilePath {
        while true {
            let temporary = path.suffixed(".\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp")
            do throws(SystemError) {
                _ = try open(temporary, [.write, .create, .exclusive])
                return temporary
            } catch  where error.errno == .exists { continue }
        }
    }
}
