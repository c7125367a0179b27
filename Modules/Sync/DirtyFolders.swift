/// Folders in which something happened, until they have been quiet for a while: a trailing debounce.
///
/// A pure state machine; times are nanoseconds of one monotonic clock.
struct DirtyFolders: Sendable {
    private struct Entry {
        var first: UInt64
        var last: UInt64
        var isRecursive: Bool
    }

    private var entries: [[UInt8]: Entry] = [:]
    private let quiet: UInt64
    private let longest: UInt64

    init(quiet: UInt64, longest: UInt64) {
        self.quiet = quiet
        self.longest = longest
    }

    var isEmpty: Bool { entries.isEmpty }

    mutating func touch(_ folder: [UInt8], isRecursive: Bool, at now: UInt64) {
        var entry = entries[folder] ?? Entry(first: now, last: now, isRecursive: false)
        entry.last = now
        entry.isRecursive = entry.isRecursive || isRecursive
        entries[folder] = entry
    }

    /// When the next folder is due; nil when none is waiting.
    var nextDue: UInt64? { entries.values.map(due).min() }

    /// Takes out everything that waits, once one folder is due: what belongs together, such as the two ends of a
    /// rename, is then looked at together.
    ///
    /// Folders that saw something within the quiet time stay behind, unless they are part of a rename's other end,
    /// which cannot be known; the differ finds the rest at their own time.
    mutating func takeDue(at now: UInt64) -> [(path: [UInt8], isRecursive: Bool)] {
        let ready = entries.filter { due($0.value) <= now }
        for path in ready.keys { entries[path] = nil }
        return ready.map { ($0.key, $0.value.isRecursive) }.sorted { $0.path.lexicographicallyPrecedes($1.path) }
    }

    mutating func removeAll() { entries.removeAll() }

    private func due(_ entry: Entry) -> UInt64 { min(entry.last &+ quiet, entry.first &+ longest) }
}
