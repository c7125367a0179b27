/// A failed call of SQLite: what was being done, its result code, and its own message.
package struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The primary result code; `extendedCode` has the details (sqlite.org/rescode.html).
    package var code: Int32 { extendedCode & 0xff }
    package let extendedCode: Int32
    package let message: String
    /// The errno of the system call that failed; 0 where there was none.
    package let systemErrno: Int32
    /// The statement or the step, for the log.
    package let context: String

    package init(extendedCode: Int32, message: String, context: String, systemErrno: Int32 = 0) {
        self.extendedCode = extendedCode
        self.message = message
        self.systemErrno = systemErrno
        self.context = context
    }

    package var description: String { "SQLite error \(extendedCode) (\(message)) in \(context)" }
}

extension SQLiteError {
    /// What an error says about the database's file (sqlite.org/rescode.html).
    package enum Meaning: Hashable, Sendable {
        /// It is not what was written: it is to be made anew.
        case damage
        /// Its disk gives errors, or takes nothing more.
        case disk
        case other
    }

    package var meaning: Meaning {
        switch code {
        // CORRUPT and NOTADB say so themselves. The others cannot come of our statements, which are fixed, but of rows and
        // tables that are not what was written: ERROR (no such table), TOOBIG, CONSTRAINT, MISMATCH.
        case 11, 26, 1, 18, 19, 20: .damage
        // PERM, READONLY, IOERR, FULL, CANTOPEN. A process that is short of memory or descriptors (ENOMEM, ENFILE, EMFILE)
        // says nothing about the disk.
        case 3, 8, 10, 13, 14: [12, 23, 24].contains(systemErrno) ? .other : .disk
        default: .other
        }
    }
}
