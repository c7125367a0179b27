import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// Collects differences and writes them to the library, a batch at a time, while the walk goes on.
///
/// `add` and `complete` are called on any thread; `flushIfDue` and `finish` on the walking thread alone. The writing is
/// done by a thread that comes with the first batch and goes when there has been none for a while: listing folders
/// takes about as long as writing what is found, and a first scan does both at once.
final class BatchWriter: Sendable {
    private let library: Library
    private let monitor: ScanMonitor
    private let state = Condition(State())

    private struct State: Sendable {
        var changes: [LibraryChange] = []
        /// How many files are with the media workers.
        var underWay = 0
        var lastFlush = monotonicNanoseconds()
        /// The first batch of a scan is small, so that something is seen at once.
        var size = 32
        /// Waits for the writing thread.
        var batch: [LibraryChange]?
        var isWriting = false
        var hasThread = false
        /// Why a batch could not be written: no other is taken any more.
        var failure: (any Error)?

        var isIdle: Bool { batch == nil && !isWriting }
    }

    private static let largestBatch = 2000

    init(library: Library, monitor: ScanMonitor) {
        self.library = library
        self.monitor = monitor
    }

    func add(_ change: LibraryChange) { state.withLock { $0.changes.append(change) } }

    /// Notes that a file is with the media workers; its `add` will come through `complete`.
    func begin() { state.withLock { $0.underWay += 1 } }

    func complete(_ change: LibraryChange) {
        state.withLock {
            $0.changes.append(change)
            $0.underWay -= 1
        }
        state.broadcast()
    }

    /// Hands a batch to the writing thread when it is large or old enough. Waits only when two are ahead of it.
    func flushIfDue() throws {
        let now = monotonicNanoseconds()
        let isDue = state.withLock { state in
            if state.failure != nil { return true }
            if state.batch != nil { return state.changes.count >= BatchWriter.largestBatch }
            return state.changes.count >= state.size || (!state.changes.isEmpty && now - state.lastFlush > 250_000_000)
        }
        if isDue { try flush() }
    }

    /// Waits until the media workers have answered for every file and all is written.
    ///
    /// The workers' own deadline for a file is what bounds the wait.
    func finish(beat: () -> Void) throws {
        var last = 0
        while true {
            let left = state.withLock { $0.underWay }
            if left == 0 { break }
            // Each answer is progress.
            if left != last { beat() }
            last = left
            // Woken by every answer; the time is for batches that are due.
            _ = state.wait(until: monotonicNanoseconds() + 50_000_000) { $0.underWay == 0 ? true : nil }
            try flushIfDue()
        }
        try flush()
        if let failure = state.wait({ $0.isIdle || $0.failure != nil ? .some($0.failure) : nil }) { throw failure }
    }

    private func flush() throws {
        let needsThread = try state.wait { state -> Result<Bool, any Error>? in
            if let failure = state.failure { return .failure(failure) }
            guard state.batch == nil else { return nil }
            state.lastFlush = monotonicNanoseconds()
            state.size = min(state.size * 2, BatchWriter.largestBatch)
            guard !state.changes.isEmpty else { return .success(false) }
            state.batch = state.changes
            state.changes = []
            defer { state.hasThread = true }
            return .success(!state.hasThread)
        }.get()
        if needsThread { try startThread("sync-writer") { [self] in writeBatches() } }
        state.broadcast()
    }

    private func writeBatches() {
        while let changes = nextBatch() {
            do {
                try write(changes)
                state.withLock { $0.isWriting = false }
            } catch {
                state.withLock { state in
                    state.isWriting = false
                    state.hasThread = false
                    state.failure = error
                }
                state.broadcast()
                return
            }
            state.broadcast()
        }
    }

    /// The batch that waits; nil when none came for a while, which ends the thread.
    private func nextBatch() -> [LibraryChange]? {
        let deadline = monotonicNanoseconds() + 500_000_000
        return state.wait(until: deadline) { state -> [LibraryChange]?? in
            if let batch = state.batch {
                state.batch = nil
                state.isWriting = true
                return batch
            }
            guard monotonicNanoseconds() >= deadline else { return nil }
            state.hasThread = false
            return .some(nil)
        } ?? nil
    }

    private func write(_ changes: [LibraryChange]) throws {
        let batch = try library.apply(changes)
        var unreadable = 0
        for case .audio(_, _, .unreadable) in changes { unreadable += 1 }
        monitor.update { state in
            state.filesNew += batch.added
            state.filesChanged += batch.changed
            state.filesRemoved += batch.removed
            state.filesUnreadable += unreadable
        }
    }
}
