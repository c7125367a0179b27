/// What is to be fetched before anybody asks for it. A pure queue.
struct PrefetchQueue: Hashable, Sendable {
    enum Reason: String, Hashable, Sendable {
        /// A program asked for it.
        case hint
        /// It was played after what plays now, at least twice.
        case sequence
        /// It follows in the album.
        case album
        /// It was played in this hour of the day, at least twice.
        case hour
    }

    struct Entry: Hashable, Sendable {
        var node: Int64
        /// The highest goes first, of equal ones the oldest.
        var priority: Int
        var reason: Reason
        /// The handle of what it was predicted from.
        var cause: UInt64?
    }

    static let limit = 100
    static let hintPriority = 15

    private(set) var entries: [Entry] = []

    /// What waits already is not entered twice; the more urgent reason counts.
    ///
    /// - Returns: false where the queue is full.
    mutating func add(_ entry: Entry) -> Bool {
        if let known = entries.firstIndex(where: { $0.node == entry.node }) {
            if entries[known].priority < entry.priority { entries[known] = entry }
            return true
        }
        guard entries.count < Self.limit else { return false }
        entries.append(entry)
        return true
    }

    mutating func takeNext() -> Entry? {
        guard let highest = entries.map(\.priority).max(),
            let index = entries.firstIndex(where: { $0.priority == highest })
        else { return nil }
        return entries.remove(at: index)
    }

    /// Forgets what was predicted from files that nobody has open any more: whoever skips does not want it.
    mutating func forget(except isOpen: (UInt64) -> Bool) {
        entries.removeAll { entry in entry.cause.map { !isOpen($0) } ?? false }
    }
}
