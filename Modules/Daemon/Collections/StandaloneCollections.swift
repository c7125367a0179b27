import MusicFSCache
package import MusicFSControl
package import MusicFSCore
import MusicFSSearch
package import MusicFSSystem

/// Collections without a daemon: the same locks, curation.db, and the library read as it was left.
package final class StandaloneCollections {
    private let locks: [SharedFD]
    private let collections: Collections

    /// - Parameters: the instance's own directories.
    /// - Throws: `MountError` where a daemon has them.
    package init(cacheDirectory: FilePath, stateDirectory: FilePath, logs: LogSystem) throws {
        locks = try MountPreparation.lock(
            cacheDirectory == stateDirectory ? [cacheDirectory] : [cacheDirectory, stateDirectory])
        let library = cacheDirectory.appending(Library.fileName)
        let curation = Curation(stateDirectory, log: logs.logger("curation"))
        let makeReader = { @Sendable () throws(CacheError) in try LibraryFile.readers(library)?.library }
        // Who only asks neither makes a history nor moves a damaged one aside.
        let history = HistoryFile(stateDirectory.appending(History.fileName))
        collections = Collections(
            curation: curation, finder: StandaloneFinder(cacheDirectory: cacheDirectory),
            history: LibraryPlayHistory(history: history, makeReader: makeReader), makeReader: makeReader)
    }

    package func list() throws -> [CollectionReport] { try collections.list() }

    package func add(_ name: String, query: String, replaces: Bool) throws -> CollectionReport {
        try collections.add(name, query: query, replaces: replaces)
    }

    package func remove(_ name: String) throws -> CollectionReport { try collections.remove(name) }

    /// - Parameter show: takes the tracks in the collection's order; ends it by returning false.
    package func forEachTrack(of name: String, limit: Int, _ show: (CollectionTrack) throws -> Bool) throws {
        try collections.forEachPlace(of: try collections.tracks(of: name, limit: limit), show)
    }
}

/// The index that the last daemon has left, which is opened when it is searched.
private struct StandaloneFinder: TrackFinder {
    let cacheDirectory: FilePath

    func tracks(matching query: String, until deadline: UInt64) throws -> [Int64] {
        guard let directory = SearchIndexer.directory(of: cacheDirectory) else { return [] }
        return try TrackSearch(snapshot: try SearchSnapshot.open(directory)).matches(query, deadline: deadline)
    }
}
