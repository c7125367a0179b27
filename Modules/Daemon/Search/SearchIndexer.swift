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
        /// The one that is being written; closed before another is opened in its place.
        var index: SearchIndex?
        /// Counts the runs of the task: one that hung and was given up does no harm when it goes on.
        var run = 0
        /// What is searched; nil while there is nothing. Asking the index itself could mean to wait for its disk.
        var searchable: SearchSnapshot?
        var phase = Phase.opening
        /// Why it is degraded or unavailable.
        var message: String?
        /// Since the last commit.
        var failures = 0
        /// The last change of the library that is known.
        var lastChange: Int64 = 0
        /// The last that can be found.
        var indexed: Int64 = 0
        var isRebuildWanted = false
        var isCancelled = false
    }

    /// How many rows of `changes`, or tracks, are looked at in one go.
    static let page = 2000
    /// So many tracks in a row are a bulk, which is committed less often.
    private static let bulk = 500
    /// Failures in a row after which the index is taken for unusable.
    private static let mostFailures = 3

    private let library: Library
    let directory: FilePath
    /// The library's last change when the server began: an index that is ahead of it is of a library that was lost.
    let changeAtStart: Int64
    let log: Logger
    /// Others can be found now. On the indexer's thread.
    private let onCommit: @Sendable () -> Void
    let state: Condition<State>

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

    /// The same of an instance that need not be served; nil where there is no library that it could be of.
    static func directory(of cacheDirectory: FilePath) -> FilePath? {
        LibraryFile.epoch(cacheDirectory.appending(Library.fileName)).map { directory(of: cacheDirectory, epoch: $0) }
    }

    var snapshot: State { state.withLock { $0 } }

    /// Waits while the index is looked through, as it is after each start of a server.
    ///
    /// - Parameter deadline: CLOCK_MONOTONIC, nanoseconds.
    func waitWhileOpening(until deadline: UInt64) {
        _ = state.wait(until: deadline) { $0.phase == .opening ? nil : true }
    }

    /// What somebody has read from the index is not what was written.
    func foundDamage(_ error: SearchError, in snapshot: SearchSnapshot) {
        let isNews = state.withLock { state in
            guard state.searchable === snapshot else { return false }
            state.searchable = nil
            state.phase = state.phase == .degraded ? .degraded : .opening
            state.isRebuildWanted = true
            return true
        }
        guard isNews else { return }
        log.warning("the search index is damaged and is built anew", metadata: ["error": "\(error)"])
        state.broadcast()
    }

    /// Builds it anew in the background; it can be searched as it is until then.
    func rebuild() {
        state.withLock { $0.isRebuildWanted = true }
        state.broadcast()
    }

    /// The library's changes go up to here now. On the thread that wrote them.
    func changed(upTo sequence: Int64) {
        state.withLock { $0.lastChange = max($0.lastChange, sequence) }
        state.broadcast()
    }

    /// A supervised task.
    func run(_ context: TaskContext) throws -> TaskExit {
        let run = state.withLock { state in
            state.isCancelled = false
            state.run += 1
            return state.run
        }
        context.onCancel { [state] in
            state.withLock { $0.isCancelled = true }
            state.broadcast()
        }
        if snapshot.phase == .unavailable {
            while context.wait(for: .seconds(3600)) {}
            return .stopped
        }
        let reader = try library.makeReader()
        while !context.isCancelled, snapshot.run == run {
            context.beat()
            do {
                try follow(try open(reader, context), reader, context)
            } catch let error as SearchError {
                // Of one that was given up meanwhile.
                if snapshot.run != run { break }
                handle(error, context)
            }
        }
        return .stopped
    }

    private func handle(_ error: SearchError, _ context: TaskContext) {
        let failures = state.withLock { state in
            state.failures += 1
            return state.failures
        }
        let isUnusable = error.code != .disk || failures >= Self.mostFailures
        log.warning(
            isUnusable ? "the search index is built anew" : "the search index cannot be written",
            metadata: ["error": "\(error)"])
        if isUnusable {
            // What is not written any more can be searched still, unless it is wrong.
            if error.code != .disk { hide() }
            do throws(SearchError) {
                try removeIndex()
                hide()
            } catch { log.warning("it cannot be removed", metadata: ["error": "\(error)"]) }
        }
        if failures >= Self.mostFailures {
            state.withLock { state in
                state.phase = .degraded
                state.message = "\(error)"
            }
        }
        let pauses: [Duration] = [.zero, .seconds(1), .seconds(5), .seconds(60)]
        _ = context.wait(for: Pace.of(pauses[min(failures - 1, pauses.count - 1)]))
    }

    // MARK: What is searched

    /// Lets an index be searched as it was committed last.
    func show(_ index: SearchIndex) {
        let snapshot = index.snapshot
        // The last reference to files that were merged away takes its time, and goes when nobody waits for the lock.
        let old = state.withLock { state in
            defer { state.searchable = snapshot }
            return state.searchable
        }
        withExtendedLifetime(old) {}
    }

    /// There is nothing to search in for now.
    private func hide() {
        let old = state.withLock { state in
            defer { state.searchable = nil }
            if state.phase != .degraded { state.phase = .opening }
            return state.searchable
        }
        withExtendedLifetime(old) {}
        state.broadcast()
    }

    func commit(_ index: SearchIndex, _ sequence: Int64) throws(SearchError) {
        try index.commit(sequence: sequence)
        show(index)
        state.withLock { state in
            state.indexed = sequence
            state.phase = .ready
            state.message = nil
            state.failures = 0
        }
        state.broadcast()
        onCommit()
    }

    // MARK: Following

    private func follow(_ index: SearchIndex, _ reader: LibraryReader, _ context: TaskContext) throws {
        var position = index.sequence
        var uncommitted = 0
        var nextCommit: UInt64 = 0
        var mergeFailure: SearchError?
        while !context.isCancelled, !state.withLock({ $0.isRebuildWanted }) {
            context.beat()
            if let failure = index.mergeFailure, failure != mergeFailure {
                if failure.code == .damaged { throw failure }
                log.warning("the search index cannot be merged", metadata: ["error": "\(failure)"])
                mergeFailure = failure
            }
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
