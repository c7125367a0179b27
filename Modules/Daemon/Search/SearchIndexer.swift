import MusicFSCache
import MusicFSCore
import MusicFSSearch
import MusicFSSystem
import Synchronization

/// Keeps the search index in step with the library, by following its changes.
///
/// The index lies in a directory that is called by the library's epoch: one of another library is not asked. What of it
/// cannot be used is removed and built anew, while the mount serves.
final class SearchIndexer: Sendable {
    enum Phase: String, Sendable {
        case opening, building, ready, degraded
        /// The library is in memory, and the directory cannot be used.
        case unavailable
    }

    struct State: Sendable {
        /// What is searched; nil while there is nothing. Asking the index itself could mean to wait for its disk.
        var searchable: SearchSnapshot?
        var phase = Phase.opening
        /// Why it is degraded or unavailable.
        var message: String?
        /// The last change of the library that is known.
        var lastChange: Int64 = 0
        /// The last that can be found.
        var indexed: Int64 = 0
        var isRebuildWanted = false
        var isCancelled = false
    }

    /// How many rows of `changes`, or tracks, are looked at in one go.
    private static let page = 2000
    /// So many tracks in a row are a bulk, which is committed less often.
    private static let bulk = 500
    /// Failures in a row after which the index is taken for unusable.
    private static let mostFailures = 3

    private let library: Library
    private let directory: FilePath
    /// The library's last change when the server began: an index that is ahead of it is of a library that was lost.
    private let changeAtStart: Int64
    private let log: Logger
    /// Others can be found now. On the indexer's thread.
    private let onCommit: @Sendable () -> Void
    private let state: Condition<State>

    /// - Parameter cacheDirectory: the instance's; nil while that cannot be used.
    init(library: Library, cacheDirectory: FilePath?, log: Logger, onCommit: @escaping @Sendable () -> Void) {
        self.library = library
        directory = SearchIndexer.directory(of: cacheDirectory ?? "/", epoch: library.epoch)
        changeAtStart = library.lastChange
        self.log = log
        self.onCommit = onCommit
        var first = State(lastChange: changeAtStart)
        if cacheDirectory == nil {
            first.phase = .unavailable
            first.message = "the cache directory cannot be used"
        }
        state = Condition(first)
    }

    /// Where the index of an instance's library lies.
    static func directory(of cacheDirectory: FilePath, epoch: Int64) -> FilePath {
        cacheDirectory.appending("search").appending("\(epoch)")
    }

    var snapshot: State { state.withLock { $0 } }

    /// What somebody has read from the index is not what was written.
    func foundDamage(_ error: SearchError) {
        log.warning("the search index is damaged and is built anew", metadata: ["error": "\(error)"])
        rebuild()
    }

    func rebuild() {
        state.withLock { $0.isRebuildWanted = true }
        state.signal()
    }

    /// The library's changes go up to here now. On the thread that wrote them.
    func changed(upTo sequence: Int64) {
        state.withLock { $0.lastChange = max($0.lastChange, sequence) }
        state.signal()
    }

    /// A supervised task.
    func run(_ context: TaskContext) throws -> TaskExit {
        state.withLock { $0.isCancelled = false }
        context.onCancel { [state] in
            state.withLock { $0.isCancelled = true }
            state.signal()
        }
        if snapshot.phase == .unavailable {
            while context.wait(for: .seconds(3600)) {}
            return .stopped
        }
        let reader = try library.makeReader()
        var failures = 0
        while !context.isCancelled {
            context.beat()
            do {
                try follow(try open(reader, context), reader, context, whenCommitted: { failures = 0 })
            } catch let error as SearchError {
                failures += 1
                try handle(error, failures, context)
            }
        }
        return .stopped
    }

    private func handle(_ error: SearchError, _ failures: Int, _ context: TaskContext) throws {
        let isUnusable = error.code != .disk || failures >= Self.mostFailures
        log.warning(
            isUnusable ? "the search index is built anew" : "the search index cannot be written",
            metadata: ["error": "\(error)"])
        state.withLock { state in
            if isUnusable { state.searchable = nil }
            if failures >= Self.mostFailures {
                state.phase = .degraded
                state.message = "\(error)"
            }
        }
        if isUnusable {
            do throws(SearchError) { try SearchIndex.remove(directory) } catch {
                log.warning("it cannot be removed", metadata: ["error": "\(error)"])
            }
        }
        let pauses: [Duration] = [.zero, .seconds(1), .seconds(5), .seconds(60)]
        _ = context.wait(for: Pace.of(pauses[min(failures - 1, pauses.count - 1)]))
    }

    // MARK: Opening

    private func open(_ reader: LibraryReader, _ context: TaskContext) throws -> SearchIndex {
        removeOthers()
        let wanted = state.withLock { state in
            defer { state.isRebuildWanted = false }
            return state.isRebuildWanted
        }
        if wanted { try SearchIndex.remove(directory) }
        let options = SearchIndex.Options(memoryBudget: 32 << 20) { [log] merge in
            do throws(SystemError) { try startThread("search-merge", merge) } catch {
                log.warning("the search index is not merged", metadata: ["error": "\(error)"])
            }
        }
        var index = try SearchIndex.open(directory, options: options)
        // Found here and not by a query: what of it is wrong would be answered.
        try index.snapshot.verify()
        context.beat()
        let isCurrent =
            try index.sequence <= changeAtStart && reader.changedTracks(after: index.sequence, limit: 1) != nil
        if index.sequence > 0, isCurrent {
            publish(index, .ready)
            return index
        }
        if index.snapshot.documentCount > 0 {
            try SearchIndex.remove(directory)
            index = try SearchIndex.open(directory, options: options)
        }
        publish(index, .building)
        try build(index, reader, context)
        return index
    }

    private func publish(_ index: SearchIndex, _ phase: Phase) {
        let snapshot = index.snapshot
        state.withLock { state in
            state.searchable = snapshot
            state.indexed = snapshot.sequence
            // Until something was committed nobody knows that it is better.
            if state.phase != .degraded { state.phase = phase }
        }
    }

    /// Indexes of libraries that are gone.
    private func removeOthers() {
        let root = directory.parent
        guard let folder = try? MusicFSSystem.open(root, [.read, .directory]),
            let entries = try? listDirectory(folder.raw)
        else { return }
        for entry in entries where root.appending(entry.name) != directory {
            try? removeTree(root.appending(entry.name))
        }
    }

    /// Indexes all tracks. What is committed on the way has no number, so that it is begun again after a crash.
    private func build(_ index: SearchIndex, _ reader: LibraryReader, _ context: TaskContext) throws {
        let begin = monotonicNanoseconds()
        let sequence = try reader.lastChange()
        var last: Int64 = 0
        var nextCommit = begin + 2_000_000_000
        while !context.isCancelled {
            context.beat()
            let records = try reader.tracks(after: last, limit: Self.page)
            guard let end = records.last else { break }
            try index.add(records.lazy.map(SearchDocument.init(_:)))
            last = end.id
            if monotonicNanoseconds() >= nextCommit {
                try index.commit(sequence: 0)
                show(index)
                nextCommit = monotonicNanoseconds() + 5_000_000_000
            }
        }
        guard !context.isCancelled else { return }
        try commit(index, sequence)
        log.info(
            "the search index was built",
            metadata: [
                "tracks": "\(index.snapshot.documentCount)", "ms": "\((monotonicNanoseconds() - begin) / 1_000_000)",
            ])
    }

    private func commit(_ index: SearchIndex, _ sequence: Int64) throws(SearchError) {
        try index.commit(sequence: sequence)
        show(index)
        state.withLock { state in
            state.indexed = sequence
            state.phase = .ready
            state.message = nil
        }
        onCommit()
    }

    private func show(_ index: SearchIndex) {
        let snapshot = index.snapshot
        state.withLock { $0.searchable = snapshot }
    }

    // MARK: Following

    private func follow(
        _ index: SearchIndex, _ reader: LibraryReader, _ context: TaskContext, whenCommitted: () -> Void
    ) throws {
        var position = index.sequence
        var uncommitted = 0
        var nextCommit: UInt64 = 0
        while !context.isCancelled, !state.withLock({ $0.isRebuildWanted }) {
            context.beat()
            if let failure = index.mergeFailure, failure.code == .damaged { throw failure }
            let known = state.withLock { $0.lastChange }
            guard let (tracks, reached) = try reader.changedTracks(after: position, limit: Self.page) else {
                throw SearchError(.missing, "changes of the library were forgotten before they were indexed")
            }
            if reached > position {
                try take(tracks, index, reader)
                let now = monotonicNanoseconds()
                if uncommitted == 0 { nextCommit = now + 300_000_000 }
                // While many come, each commit is a segment and a sync.
                if uncommitted < Self.bulk, uncommitted + tracks.count >= Self.bulk { nextCommit += 2_700_000_000 }
                uncommitted += max(tracks.count, 1)
                position = reached
            } else {
                // A merge may have replaced files that would be kept open otherwise.
                show(index)
                waitForChange(after: known, until: position > index.sequence ? nextCommit : nil)
            }
            if position > index.sequence, monotonicNanoseconds() >= nextCommit {
                try commit(index, position)
                whenCommitted()
                uncommitted = 0
            }
        }
        // So that nothing is to be done again after a stop.
        if position > index.sequence, !state.withLock({ $0.isRebuildWanted }) { try commit(index, position) }
    }

    /// Indexes tracks as they are now; those that the tree does not show are gone.
    private func take(_ tracks: [Int64], _ index: SearchIndex, _ reader: LibraryReader) throws {
        let records = try reader.tracks(tracks)
        let shown = Set(records.lazy.map(\.id))
        index.remove(tracks.lazy.filter { !shown.contains($0) })
        try index.add(records.lazy.map(SearchDocument.init(_:)))
    }

    /// At most half a minute, so that the task shows that it lives.
    private func waitForChange(after known: Int64, until deadline: UInt64?) {
        let latest = monotonicNanoseconds() + 30_000_000_000
        _ = state.wait(until: min(deadline ?? latest, latest)) { state in
            state.lastChange > known || state.isCancelled || state.isRebuildWanted ? true : nil
        }
    }
}

extension SearchDocument {
    /// What of a track can be found. A file without tags is found by its name.
    init(_ track: TrackRecord) {
        let fields: [(TagField, TextField)] = [
            (.title, .title), (.artist, .artist), (.album, .album), (.albumArtist, .albumArtist), (.genre, .genre),
            (.composer, .composer),
        ]
        let tags = track.tags ?? Tags()
        var texts = fields.flatMap { tag, field in tags.all(tag).map { Text(field, $0) } }
        if tags.first(.title) == nil { texts.append(Text(.title, String(decoding: track.fileName, as: UTF8.self))) }
        self.init(
            id: track.id, texts: texts, year: tags.year.map(Int64.init), track: tags.number(.track).map(Int64.init),
            disc: tags.number(.disc).map(Int64.init), duration: track.durationMilliseconds,
            added: track.added / 1_000_000_000, origins: track.origins, format: track.format)
    }
}
