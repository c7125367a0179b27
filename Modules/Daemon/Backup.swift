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

    package init(cacheDirectory: FilePath, stateDirectory: FilePath) {
        self.cacheDirectory = cacheDirectory
        self.stateDirectory = stateDirectory
    }

    private var stores: [(name: String, path: FilePath)] {
        [
            (Curation.fileName, stateDirectory.appending(Curation.fileName)),
            (Library.fileName, cacheDirectory.appending(Library.fileName)),
        ]
    }

    /// What became of the stores.
    package struct Outcome: Sendable {
        /// The names of those that were written, or restored.
        package var done: [String] = []
        /// Those that are there and were not, and why.
        package var failed: [Failure] = []

        package struct Failure: Encodable, Sendable {
            package var store: String
            package var reason: String
        }

        /// Whether what cannot be had again is among those that were not.
        package var lacksCuration: Bool { failed.contains { $0.store == Curation.fileName } }

        fileprivate mutating func note(_ store: String, _ error: any Error) {
            failed.append(Failure(store: store, reason: "\(error)"))
        }
    }

    /// Whether a file is what the store of this name is to be.
    private static func check(_ name: String, _ path: FilePath) throws {
        if name == Curation.fileName {
            if let first = try Curation.problems(path, isFull: true)?.first {
                throw MountError("it is damaged: \(first)")
            }
            return
        }
        guard let found = try LibraryFile.examine(path, isFull: true) else { throw MountError("it is gone") }
        if let first = found.problems.first { throw MountError("it is damaged: \(first)") }
        guard found.isOfThisVersion else { throw MountError("another version of MusicFS has made it, and reads it") }
    }

    // MARK: Writing

    /// Writes what is good of the stores.
    ///
    /// - Throws: where none is, or a backup that is there holds more; that is as it was then.
    package func write(to target: FilePath) throws -> Outcome {
        var outcome = Outcome()
        var copies: [(name: String, path: FilePath)] = []
        defer { for copy in copies { try? LibraryFile.remove(copy.path) } }
        for (name, path) in stores where (try? FileStatus.of(path)) != nil {
            let copy = try BackupFile.makeTemporary(beside: target)
            do {
                try LibraryFile.copy(path, to: copy)
                try Self.check(name, copy)
                copies.append((name, copy))
                outcome.done.append(name)
            } catch {
                try? LibraryFile.remove(copy)
                outcome.note(name, error)
            }
        }
        guard !copies.isEmpty else {
            let reasons = outcome.failed.map { "\($0.store): \($0.reason)" }.joined(separator: "; ")
            throw MountError(
                "there is nothing to back up in \(stateDirectory) and \(cacheDirectory)"
                    + (reasons.isEmpty ? "" : ": \(reasons)"))
        }
        try keepBetter(target, than: outcome)
        try BackupFile.write(copies, to: target)
        return outcome
    }

    private func keepBetter(_ target: FilePath, than outcome: Outcome) throws {
        guard (try? FileStatus.of(target)) != nil else { return }
        let names: [String]
        do throws(CacheError) { names = try BackupFile.names(target) } catch {
            // Nothing is lost with one that is damaged.
            if error.code == .damaged { return }
            throw error
        }
        let missing = Set(names).subtracting(outcome.done).sorted()
        guard !missing.isEmpty else { return }
        let reasons = outcome.failed.map { "; \($0.store): \($0.reason)" }.joined()
        throw MountError(
            "\(target) holds \(missing.joined(separator: ", ")) too, and is kept: choose another name for this one\(reasons)"
        )
    }

    // MARK: Restoring

    /// Puts what a backup holds, each store by itself, where the next server finds it.
    ///
    /// - Throws: where it cannot be read at all.
    package func stage(_ source: FilePath) throws -> Outcome {
        var outcome = Outcome()
        let names = try BackupFile.names(source)
        for (name, path) in stores where names.contains(name) {
            do {
                try stage(name, from: source, beside: path)
                outcome.done.append(name)
            } catch { outcome.note(name, error) }
        }
        for name in names where !stores.contains(where: { $0.name == name }) {
            outcome.note(name, MountError("it is not known to this version"))
        }
        return outcome
    }

    private func stage(_ name: String, from source: FilePath, beside path: FilePath) throws {
        try createDirectories(path.parent, mode: 0o700)
        let temporary = path.suffixed(".restore.tmp")
        try LibraryFile.remove(temporary)
        do {
            try BackupFile.extract(name, from: source, to: temporary)
            try Self.check(name, temporary)
            try LibraryFile.put(temporary, at: path.suffixed(".restore"))
        } catch {
            try? LibraryFile.remove(temporary)
            throw error
        }
    }

    /// Those that a server has left where they were put, though it was asked to take them.
    package func notTaken(_ outcome: Outcome) -> Outcome {
        var outcome = outcome
        for (name, path) in stores where outcome.done.contains(name) {
            guard (try? FileStatus.of(path.suffixed(".restore"))) != nil else { continue }
            outcome.done.removeAll { $0 == name }
            outcome.note(name, MountError("the daemon has not taken it; see its log"))
        }
        return outcome
    }
}
