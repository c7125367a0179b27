import MusicFSCache
import MusicFSControl
import MusicFSSearch

/// Works out which tracks a collection holds. For one thread.
struct CollectionEvaluator {
    let reader: LibraryReader
    /// nil where nothing can be searched.
    let finder: (any TrackFinder)?
    /// nil where no history is kept.
    let history: (any PlayHistory)?
    /// Nanoseconds since the epoch.
    let now: Int64

    /// Up to so many tracks are put in the order of their albums; of more, that would take too long.
    static let orderedTracks = 2_000

    /// Tracks in an order.
    private struct List {
        var tracks: [Int64]
        /// Whether it comes from what was asked for; otherwise they are in the order of their ids.
        var hasOwnOrder: Bool
    }

    /// The tracks in the collection's order, at most `limit`. Among them may be some that the tree does not show.
    ///
    /// What is recent comes latest first, what was played most most often first. Of parts that must all match the first
    /// with such an order gives it; parts of which any may match follow one another, if one of them has such an order.
    /// Everything else is in the order of albums, or, where it is more than `orderedTracks`, of ids: that in which the
    /// library came to know them.
    func tracks(_ definition: CollectionDefinition, limit: Int) throws -> [Int64] {
        let list: List
        switch definition.content {
        case .years(let years): list = List(tracks: try reader.tracks(of: years), hasOwnOrder: false)
        case .query(.added(let seconds)):
            // As many as are wanted, and no more, is all that is read.
            return try reader.tracks(addedSince: since(seconds), limit: limit)
        case .query(let query): list = try evaluate(query)
        }
        if list.hasOwnOrder || list.tracks.count > Self.orderedTracks { return Array(list.tracks.prefix(limit)) }
        return Array(try reader.inAlbumOrder(list.tracks).prefix(limit))
    }

    private func since(_ seconds: Int64) -> Int64 {
        let (length, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isTooLong ? 0 : max(now - length, 0)
    }

    private func plays() throws -> any PlayHistory {
        guard let history else {
            throw ControlError(
                .unavailable, "there is no history of what was played", remedy: "ask while the library is mounted")
        }
        return history
    }

    private func evaluate(_ query: CollectionQuery) throws -> List {
        switch query {
        case .search(let text):
            guard let finder else {
                throw ControlError(
                    .unavailable, "the search index cannot be used", remedy: "'musicfs search stats' tells why")
            }
            do {
                return List(tracks: try finder.tracks(matching: text), hasOwnOrder: false)
            } catch { throw ControlError(search: error) }
        case .added(let seconds):
            return List(tracks: try reader.tracks(addedSince: since(seconds)), hasOwnOrder: true)
        case .played(let seconds):
            return List(tracks: try plays().played(since: since(seconds)).map(\.track), hasOwnOrder: true)
        case .mostPlayed(let count):
            return List(tracks: try plays().mostPlayed(limit: count).map(\.track), hasOwnOrder: true)
        case .neverPlayed: return try without(try plays().played(since: 0).map(\.track))
        case .not(let child): return try without(try evaluate(child).tracks)
        case .and(let children): return try all(of: children)
        case .or(let children): return try any(of: children)
        }
    }

    /// All tracks but these.
    private func without(_ tracks: [Int64]) throws -> List {
        List(tracks: SortedTracks.subtract(tracks.sorted(), from: try reader.allTracks()), hasOwnOrder: false)
    }

    private func all(of children: [CollectionQuery]) throws -> List {
        var result: List?
        var excluded: [CollectionQuery] = []
        for child in children {
            switch child {
            // Taken from what is left, rather than from all there is.
            case .not(let inner): excluded.append(inner)
            case .neverPlayed: excluded.append(.played(within: .max))
            default:
                let list = try evaluate(child)
                guard let known = result else {
                    result = list
                    continue
                }
                let (base, filter) = known.hasOwnOrder || !list.hasOwnOrder ? (known, list) : (list, known)
                let sorted = filter.hasOwnOrder ? filter.tracks.sorted() : filter.tracks
                result = List(
                    tracks: base.hasOwnOrder
                        ? base.tracks.filter { SortedTracks.contains(sorted, $0) }
                        : SortedTracks.intersect(base.tracks, sorted),
                    hasOwnOrder: base.hasOwnOrder)
            }
        }
        var list = try result ?? List(tracks: reader.allTracks(), hasOwnOrder: false)
        for child in excluded {
            let gone = try evaluate(child).tracks.sorted()
            list.tracks =
                list.hasOwnOrder
                ? list.tracks.filter { !SortedTracks.contains(gone, $0) }
                : SortedTracks.subtract(gone, from: list.tracks)
        }
        return list
    }

    private func any(of children: [CollectionQuery]) throws -> List {
        let lists = try children.map(evaluate)
        let hasOwnOrder = lists.contains(where: \.hasOwnOrder)
        var seen: Set<Int64> = []
        var tracks = lists.flatMap(\.tracks).filter { seen.insert($0).inserted }
        if !hasOwnOrder { tracks.sort() }
        return List(tracks: tracks, hasOwnOrder: hasOwnOrder)
    }
}

/// Sets of tracks as ids in ascending order.
enum SortedTracks {
    static func contains(_ tracks: [Int64], _ id: Int64) -> Bool {
        var (low, high) = (0, tracks.count)
        while low < high {
            let middle = (low + high) / 2
            if tracks[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < tracks.count && tracks[low] == id
    }

    static func intersect(_ left: [Int64], _ right: [Int64]) -> [Int64] { merge(left, right) { $0 && $1 } }

    static func subtract(_ right: [Int64], from left: [Int64]) -> [Int64] { merge(left, right) { $0 && !$1 } }

    /// Those for which `isWanted` says yes, being told whether they are in the left and in the right.
    private static func merge(_ left: [Int64], _ right: [Int64], _ isWanted: (Bool, Bool) -> Bool) -> [Int64] {
        var result: [Int64] = []
        var (i, j) = (0, 0)
        while i < left.count {
            while j < right.count, right[j] < left[i] { j += 1 }
            if isWanted(true, j < right.count && right[j] == left[i]) { result.append(left[i]) }
            i += 1
        }
        return result
    }
}
