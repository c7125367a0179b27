import MusicFSCache

/// Guesses what is played next.
struct Predictor {
    struct Guess: Hashable {
        var node: Int64
        var priority: Int
        var reason: PrefetchQueue.Reason
    }

    let library: LibraryReader
    let history: History
    /// How many tracks at the most.
    let count: Int

    /// After a file that plays: what was played after it before, what follows in its album, and what is played at this
    /// hour of the day; the most likely first.
    func guesses(after node: Int64, hour: Int) throws(CacheError) -> [Guess] {
        var guesses = ranked(try sequence(after: node), .sequence, from: 10, to: 8)
        guesses += ranked(try library.following(node: node, limit: count), .album, from: 8, to: 6)
        // Only where the others leave room.
        let known = Set(guesses.map(\.node)).subtracting([node])
        if known.count < count { guesses += try self.guesses(hour: hour) }
        return best(guesses, except: node)
    }

    /// At an hour of the day.
    func guesses(hour: Int) throws(CacheError) -> [Guess] {
        let counts = try history.favourites(hour: hour, limit: count)
        let nodes = try library.playable(counts.map(\.file))
        return ranked(counts.compactMap { nodes[$0.file]?.node }, .hour, from: 5, to: 5)
    }

    /// Step by step what was played most often after the one before.
    private func sequence(after node: Int64) throws(CacheError) -> [Int64] {
        guard var file = try library.playedFile(node: node) else { return [] }
        var seen = [file]
        var nodes: [Int64] = []
        while nodes.count < count {
            let next = try history.successors(of: file, limit: count).first { !seen.contains($0.file) }
            guard let next else { break }
            file = next.file
            seen.append(file)
            // What is gone from the library may be followed by what is not.
            if let known = try library.playable([file])[file] { nodes.append(known.node) }
            if seen.count > 2 * count { break }
        }
        return nodes
    }

    private func ranked(
        _ nodes: [Int64], _ reason: PrefetchQueue.Reason, from first: Int, to last: Int
    ) -> [Guess] {
        nodes.enumerated().map {
            Guess(node: $0.element, priority: max(first - $0.offset, last), reason: reason)
        }
    }

    private func best(_ guesses: [Guess], except node: Int64) -> [Guess] {
        var seen: Set<Int64> = [node]
        let order = guesses.enumerated().sorted {
            ($1.element.priority, $0.offset) < ($0.element.priority, $1.offset)
        }
        return Array(order.map(\.element).filter { seen.insert($0.node).inserted }.prefix(count))
    }
}
