import MusicFSCAS
import MusicFSCache
package import MusicFSControl
package import MusicFSCore
import MusicFSSearch
package import MusicFSSystem

/// The stores of an instance that is not served: looked through, and put right.
package struct StoreExamination {
    private let settings: DaemonSettings
    private let log: Logger

    /// What was found in one of them.
    package struct Finding: Hashable, Sendable {
        package var name: String
        package var path: FilePath
        /// Empty where it is in order.
        package var problems: [String]
    }

    package init(_ settings: DaemonSettings, log: Logger) {
        self.settings = settings
        self.log = log
    }

    private var index: FilePath { settings.cacheDirectory.appending(ChunkIndexFile.name) }

    /// - Parameter isFull: `integrity_check` rather than `quick_check`.
    /// - Returns: of each store that exists.
    package func examine(isFull: Bool) -> [Finding] {
        var findings: [Finding] = []
        func add(_ name: String, _ path: FilePath, _ look: () throws -> [String]?) {
            let problems: [String]?
            do { problems = try look() } catch { problems = ["\(error)"] }
            if let problems { findings.append(Finding(name: name, path: path, problems: problems)) }
        }
        add("library", settings.libraryPath) {
            try LibraryFile.examine(settings.libraryPath, isFull: isFull)?.problems
        }
        if let search = SearchIndexer.directory(of: settings.cacheDirectory) {
            add("search index", search) {
                do throws(SearchError) { try SearchSnapshot.open(search).verify() } catch {
                    return error.code == .missing ? nil : ["\(error)"]
                }
                return []
            }
        }
        add("cache index", index) { try ChunkIndexFile.problems(index, isFull: isFull) }
        let curation = settings.stateDirectory.appending(Curation.fileName)
        add("curation", curation) { try Curation.problems(curation, isFull: isFull) }
        add("history", settings.historyPath) { try History.problems(settings.historyPath, isFull: isFull) }
        return findings
    }

    /// Looks through all of them, and moves aside what is bad: the next server builds it anew, or takes its backup.
    ///
    /// The lock of the instance's directories must be held.
    package func repair(isFull: Bool) {
        for finding in examine(isFull: isFull) {
            guard let first = finding.problems.first else {
                log.info("a store is in order", metadata: ["store": "\(finding.name)"])
                continue
            }
            log.warning(
                "a store is damaged",
                metadata: ["store": "\(finding.name)", "path": "\(finding.path)", "error": "\(first)"])
            do {
                switch finding.name {
                case "library": try LibraryFile.setAside(finding.path)
                case "search index": try SearchIndex.remove(finding.path)
                case "cache index": try ChunkIndexFile.setAside(finding.path)
                case "history": try History.setAside(finding.path)
                // It is opened with its backups at hand.
                default: break
                }
            } catch { log.error("a damaged store cannot be moved aside", metadata: ["error": "\(error)"]) }
        }
    }

    /// Compares every chunk with its checksum and the index with the files, and puts right what is wrong.
    ///
    /// - Parameter show: takes the progress; ends the work by returning false.
    package func repairChunks(show: @escaping @Sendable (CacheProgress) -> Bool) throws {
        guard settings.cache.maxSize > 0, (try? FileStatus.of(settings.cacheDirectory.appending("chunks"))) != nil
        else {
            return
        }
        let cache = try StandaloneCache(unlocked: settings, log: log)
        defer { cache.close() }
        try cache.check(repairs: true, show: show)
    }
}
