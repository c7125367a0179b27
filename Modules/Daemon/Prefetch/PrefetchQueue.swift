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
        /// The handles of what it was predicted from; nil among them where it was from something else.
        private(set) var causes: Set<UInt64?>

        /// - Parameter cause: a handle.
        init(node: Int64, priority: Int, reason: Reason, cause: UInt64?) {
            self.node = node
            self.priority = priority
            self.reason = reason
            causes = [cause]
        }

        /// The same file was predicted again; the more urgent reason counts.
        mutating func join(_ other: Entry) {
            causes.formUnion(other.causes)
            if other.priority > priority { (priority, reason) = (other.priority, other.reason) }
        }

        mutating func forget(except isWanted: (UInt64) -> Bool) {
            causes = causes.filter { cause in cause.map(isWanted) ?? true }
        }
    }

    static let limit = 100
    static let hintPriority = 15

    private(set) var entries: [Entry] = []

    /// What waits already is not entered twice; the more urgent reason counts.
    ///
    /// - Returns: false where the queue is full.
    mutating func add(_ entry: Entry) -> Bool {
        if let known = entries.firstIndex(where: { $0.node == entry.node }) {
            entries[known].join(entry)
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

    /// Forgets what was predicted from other handles alone.
    mutating func forget(except isWanted: (UInt64) -> Bool) {
        for index in entries.indices { entries[index].forget(except: isWanted) }
        entries.removeAll(where: \.causes.isEmpty)
    }
}
