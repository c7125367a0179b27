import MusicFSCache
package import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

/// The search index without a daemon: it is only read, and no lock is taken.
package struct StandaloneSearch {
    private let settings: DaemonSettings
    private let snapshot: SearchSnapshot

    /// - Throws: `ControlError` where there is no index, or it cannot be used.
    package init(_ settings: DaemonSettings) throws(ControlError) {
        self.settings = settings
        guard let directory = SearchIndexer.directory(of: settings.cacheDirectory) else { throw Self.missing(settings) }
        do throws(SearchError) { snapshot = try SearchSnapshot.open(directory) } catch {
            throw ControlError(search: error)
        }
    }

    private static func missing(_ settings: DaemonSettings) -> ControlError {
        ControlError(
            .unavailable, "there is no library at \(settings.libraryPath)", remedy: "mount it, or use 'musicfs scan'")
    }

    /// - Throws: `ControlError`, with the place in the query where that cannot be read.
    package func report(
        query: String, limit: Int, offset: Int, explains: Bool
    ) throws(ControlError) -> SearchReport {
        do {
            guard let (library, tree) = try LibraryFile.readers(settings.libraryPath) else {
                throw Self.missing(settings)
            }
            return try TrackSearch(snapshot: snapshot).report(
                SearchRequest(query: query, limit: limit, offset: offset, explains: explains), library, tree)
        } catch { throw ControlError(search: error) }
    }

    package var statistics: SearchStatistics {
        let last = (try? LibraryFile.readers(settings.libraryPath)?.library.lastChange()) ?? snapshot.sequence
        let use = SearchUse(
            documents: Int64(snapshot.documentCount), pending: max(last - snapshot.sequence, 0), state: "ready")
        return SearchStatistics(
            use, message: nil, segments: snapshot.segmentCount, bytes: Int64(snapshot.byteCount), searches: 0)
    }

    /// Removes the index of an instance that no daemon serves: the next mount builds it anew.
    ///
    /// - Throws: `MountError` where a daemon has the instance; `ControlError`.
    package static func remove(_ settings: DaemonSettings) throws {
        let locks = try MountPreparation.lock(settings.ownDirectories)
        defer { withExtendedLifetime(locks) {} }
        do throws(SearchError) { try SearchIndex.remove(settings.cacheDirectory.appending("search")) } catch {
            throw ControlError(search: error)
        }
    }
}
