import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem

/// Whether what is kept is still what was written.
extension ContentCache {
    /// Looks the index through; a damaged one is made anew in the background, from the chunks' own trailers.
    ///
    /// - Returns: what is wrong with it.
    package func checkIndex(isFull: Bool) throws -> [String] {
        guard let store else { return [] }
        return try store.perform { writer in
            let problems: [String]
            do throws(SQLiteError) {
                problems = try writer.index.database.integrityProblems(full: isFull)
            } catch {
                guard error.meaning == .damage else { throw error }
                problems = ["\(error)"]
            }
            if let first = problems.first { store.noteDamage(first) }
            return problems
        }
    }

    /// Compares some chunks, chosen at random, with their names; what is wrong is forgotten, and fetched when it is asked
    /// for.
    ///
    /// - Parameter goOn: asked between them; ends it by returning false.
    /// - Returns: how many were looked at, and how many were wrong.
    /// - Throws: SystemError when one cannot be read, which is left as it is.
    package func scrub(_ count: Int, goOn: () -> Bool) throws -> (checked: Int, bad: Int) {
        guard let store else { return (0, 0) }
        var (checked, bad) = (0, 0)
        while checked < count, goOn() {
            // One at a time: nobody is to wait for the writing thread.
            guard let isGood = try store.perform({ try $0.checkRandom() }) else { break }
            Failpoint.inScrub.pass(crashes: true)
            checked += 1
            if !isGood { bad += 1 }
        }
        return (checked, bad)
    }
}

extension ChunkWriter {
    /// - Returns: whether a chunk, chosen at random, is right; nil where there is none.
    fileprivate func checkRandom() throws -> Bool? {
        let statement = try index.database.prepare("SELECT id FROM chunks WHERE id >= ? ORDER BY id LIMIT 1")
        statement.bind(1, (0..<16).map { _ in UInt8.random(in: 0...255) })
        var id = try statement.step() ? statement.chunkID(0) : nil
        statement.reset()
        if id == nil {
            let first = try index.database.prepare("SELECT id FROM chunks ORDER BY id LIMIT 1")
            id = try first.step() ? first.chunkID(0) : nil
        }
        guard let id else { return nil }
        guard let known = try index.chunk(id) else { throw SQLiteError.badRow("chunks", "id") }
        if try isWhole(id, known) { return true }
        try removeIfBad(id)
        return false
    }
}

/// cas.db while nobody has it open.
package enum ChunkIndexFile {
    package static let name = "cas.db"

    /// - Returns: what is wrong with it; nil when there is none.
    /// - Throws: SQLiteError where its disk gives errors.
    package static func problems(_ path: FilePath, isFull: Bool) throws -> [String]? {
        guard (try? FileStatus.of(path)) != nil else { return nil }
        do throws(SQLiteError) {
            let database = try Database.open(path, .readOnly)
            _ = try DatabaseFile.version(database, .chunkIndex)
            return try database.integrityProblems(full: isFull)
        } catch {
            guard error.meaning == .damage else { throw error }
            return ["\(error)"]
        }
    }

    /// Moves it out of the way: it is made anew, from the chunks' own trailers, when it is opened.
    package static func setAside(_ path: FilePath) throws(SystemError) { try DatabaseFile.setAside(path) }
}
