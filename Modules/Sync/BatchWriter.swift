import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// Collects differences and writes them to the library, a batch at a time.
///
/// `add` is called on the walking thread and on those of the media workers; `flushIfDue` and `finish` on the walking
/// thread alone, which is the one that writes.
final class BatchWriter: Sendable {
    private let library: Library
    private let monitor: ScanMonitor
    private let state = Condition(State())

    private struct State: Sendable {
        var changes: [LibraryChange] = []
        var underWay = 0
        var lastFlush = monotonicNanoseconds()
        /// The first batch of a scan is small, so that something is seen at once.
        var size = 32
    }

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
        state.signal()
    }

    /// Writes a batch when it is large or old enough.
    func flushIfDue() throws {
        let now = monotonicNanoseconds()
        let isDue = state.withLock {
            $0.changes.count >= $0.size || (!$0.changes.isEmpty && now - $0.lastFlush > 250_000_000)
        }
        if isDue { try flush() }
    }

    func flush() throws {
        let changes = state.withLock { state in
            state.lastFlush = monotonicNanoseconds()
            state.size = min(state.size * 2, 2000)
            let changes = state.changes
            state.changes = []
            return changes
        }
        guard !changes.isEmpty else { return }
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

    /// Waits until the media workers have answered for every file, and writes the rest.
    ///
    /// The workers' own deadline for a file is what bounds the wait.
    func finish() throws {
        while state.withLock({ $0.underWay > 0 }) {
            // Woken by every answer; the time is for batches that are due.
            _ = state.wait(until: monotonicNanoseconds() + 50_000_000) { $0.underWay == 0 ? true : nil }
            try flushIfDue()
        }
        try flush()
    }
}
