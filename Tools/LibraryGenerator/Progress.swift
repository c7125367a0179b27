import MusicFSSystem
import Synchronization

/// Counts what was written, and shows it on standard error when that is a terminal.
final class Progress: Sendable {
    private struct State {
        var audioFiles = 0
        var files = 0
        var bytes = 0
        var shownAt: UInt64 = 0
    }

    private let expected: Int
    private let isShown: Bool
    private let state = Mutex(State())

    init(expected: Int) {
        self.expected = expected
        isShown = isTerminal(2)
    }

    /// All files, and their bytes.
    var total: (files: Int, bytes: Int) { state.withLock { ($0.files, $0.bytes) } }

    func count(bytes: Int, isAudio: Bool) {
        let line = state.withLock { state -> String? in
            state.files += 1
            state.bytes += bytes
            if isAudio { state.audioFiles += 1 }
            guard isShown else { return nil }
            let now = monotonicNanoseconds()
            guard now - state.shownAt > 100_000_000 else { return nil }
            state.shownAt = now
            return "\r\(state.audioFiles) of \(expected) tracks, \(state.bytes >> 20) MiB"
        }
        if let line { show(line) }
    }

    /// Removes the line, so that what follows begins at the margin.
    func end() { if isShown { show("\r\u{1b}[K") } }

    // Progress that cannot be shown is no reason to stop.
    private func show(_ text: String) { try? writeFully(2, Array(text.utf8)) }
}
