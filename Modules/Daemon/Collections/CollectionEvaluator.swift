import MusicFSCache
import MusicFSControl
import MusicFSSearch
import MusicFSSystem

/// Works out which tracks a collection holds. For one collection, once, and one thread.
struct CollectionEvaluator {
    /// What one evaluation may cost.
    struct Limits: Hashable, Sendable {
        /// Nanoseconds, but for the wait until there is an index to search in.
        var time: UInt64
        /// How many tracks of parts may be kept until the rest is known, eight bytes each.
        var heldTracks: Int

        static let standard = Limits(time: 1_000_000_000, heldTracks: 16_000_000)
    }

    private let reader: LibraryReader
    /// nil where nothing can be searched.
    private let finder: (any TrackFinder)?
    /// nil where no history is kept.
    private let history: (any PlayHistory)?
    /// Nanoseconds since the epoch.
    private let now: Int64
    private let limits: Limits

    private var deadline: UInt64 = .max
    private var needs = Needs()
    /// All there are, once they were asked for.
    private var everything: [Int64]?
    /// What was played within the longest time that is asked for, newest first, once it was asked for.
    private var plays: [(track: Int64, time: Int64)]?
    /// How many tracks of parts are kept at the moment.
    private var held = 0

    /// Up to so many tracks are put in the order of their albums; of more, that would take too long.
    static let orderedTracks = 2_000

    /// - Parameter now: nanoseconds since the epoch.
    init(
        reader: LibraryReader, finder: (any TrackFinder)?, history: (any PlayHistory)?, now: Int64,
        limits: Limits = .standard
    ) {
        self.reader = reader
        self.finder = finder
        self.history = history
        self.now = now
        self.limits = limits
    }

    /// Tracks in an order.
    private struct List {
        var tracks: [Int64]
        /// Whether it comes from what was asked for; otherwise they are in the order of their ids.
        var hasOwnOrder: Bool
    }

    /// What of others the whole of a query asks.
    private struct Needs {
        var searches = false
        /// Seconds.
        var longestPlayed: Int64 = 0

        mutating func add(_ query: CollectionQuery) {
            switch query {
            case .search: searches = true
            case .played(let seconds): longestPlayed = max(longestPlayed, seconds)
            case .neverPlayed: longestPlayed = .max
            case .added, .mostPlayed: return
            case .not(let child): add(child)
            case .and(let children), .or(let children): for child in children { add(child) }
            }
        }
    }

    /// The tracks in the collection's order, at most `limit`. Among them may be some that the tree does not show.
    ///
    /// What is recent comes latest first, what was played most most often first. Of parts that must all match the first
    /// with such an order gives it; parts of which any may match follow one another, if one of them has such an order.
    /// Everything else is in the order of albums, or, where it is more than `orderedTracks`, of ids: that in which the
    /// library came to know them.
    ///
    /// - Throws: ControlError, `timeout` or `tooLarge` where it costs more than the limits; CacheError.
    mutating func tracks(_ definition: CollectionDefinition, limit: Int) throws -> [Int64] {
        if case .query(let query) = definition.content { needs.add(query) }
        if needs.searches { finder?.prepare() }
        deadline = monotonicNanoseconds() + limits.time
        do { return try ordered(definition, limit) } catch let error as CacheError where error.cause is ListTookTooLong
        {
            throw Self.tookTooLong
        }
    }

    private mutating func ordered(_ definition: CollectionDefinition, _ limit: Int) throws -> [Int64] {
        let list: List
        switch definition.content {
        case .years(let years): list = List(tracks: try reader.tracks(of: years, until: deadline), hasOwnOrder: false)
        case .query(.added(let seconds)):
            // As many as are wanted, and no more, is all that is read.
            return try reader.tracks(addedSince: since(seconds), limit: limit, until: deadline)
        case .query(let query): list = try evaluate(query)
        }
        if list.hasOwnOrder || list.tracks.count > Self.orderedTracks { return Array(list.tracks.prefix(limit)) }
        return Array(try reader.inAlbumOrder(list.tracks).prefix(limit))
    }

    // MARK: Limits

    private static let tookTooLong = ControlError(
        .timeout, "the collection takes too long to work out", remedy: "ask for less, or with fewer terms")

    private func checkTime() throws(ControlError) {
        if monotonicNanoseconds() >= deadline { throw Self.tookTooLong }
    }

    /// Evaluates a part while so many tracks of others are kept.
    private mutating func evaluate(_ query: CollectionQuery, holding count: Int) throws -> List {
        held += count
        defer { held -= count }
        guard held <= limits.heldTracks else {
            throw ControlError(
                .tooLarge, "the collection takes too much memory to work out",
                remedy: "ask for less, or with fewer parentheses")
        }
        return try evaluate(query)
    }

    // MARK: Terms

    private func since(_ seconds: Int64) -> Int64 {
        let (length, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isTooLong ? 0 : max(now - length, 0)
    }

    private func allPlays() throws(ControlError) -> any PlayHistory {
        guard let history else {
            throw ControlError(
                .unavailable, "there is no history of what was played", remedy: "ask while the library is mounted")
        }
        return history
    }

    /// Newest first. The history is read once, for the longest time that is asked for.
    private mutating func played(within seconds: Int64) throws -> [Int64] {
        let known = try plays ?? allPlays().played(since: since(needs.longestPlayed))
        plays = known
        try checkTime()
        let begin = since(seconds)
        return known.prefix { $0.time >= begin }.map(\.track)
    }

    private mutating func allTracks() throws -> [Int64] {
        let tracks = try everything ?? reader.allTracks(until: deadline)
        everything = tracks
        return tracks
    }

    private func found(_ text: String) throws -> [Int64] {
        guard let finder else {
            throw ControlError(
                .unavailable, "the search index cannot be used", remedy: "'musicfs search stats' tells why")
        }
        do { return try finder.tracks(matching: text, until: deadline) } catch {
            try checkTime()
            throw ControlError(search: error)
        }
    }

    private mutating func evaluate(_ query: CollectionQuery) throws -> List {
        try checkTime()
        switch query {
        case .search(let text): return List(tracks: try found(text), hasOwnOrder: false)
        case .added(let seconds): return try added(since(seconds), nil, givesOrder: true)
        case .played(let seconds): return List(tracks: try played(within: seconds), hasOwnOrder: true)
        case .mostPlayed(let count):
            return List(tracks: try allPlays().mostPlayed(limit: count).map(\.track), hasOwnOrder: true)
        case .neverPlayed: return try without(try played(within: .max))
        case .not(let child): return try without(try evaluate(child).tracks)
        case .and(let children): return try all(of: children)
        case .or(let children): return try any(of: children)
        }
    }

    // MARK: Parts

    /// All tracks but these.
    private mutating func without(_ tracks: [Int64]) throws -> List {
        List(tracks: SortedTracks.subtract(tracks.sorted(), from: try allTracks()), hasOwnOrder: false)
    }

    private mutating func all(of children: [CollectionQuery]) throws -> List {
        var result: List?
        var excluded: [CollectionQuery] = []
        // Seconds, and whether no part before it has an order.
        var recent: (age: Int64, isFirst: Bool)?
        for child in children {
            switch child {
            // Asked of what is left, which may be much less than what is recent.
            case .added(let age):
                recent = (min(age, recent?.age ?? age), recent?.isFirst ?? (result?.hasOwnOrder != true))
            // Taken from what is left, rather than from all there is.
            case .not(let inner): excluded.append(inner)
            case .neverPlayed: excluded.append(.played(within: .max))
            default:
                let list = try evaluate(child, holding: result?.tracks.count ?? 0)
                result = result.map { Self.common($0, list) } ?? list
            }
        }
        if let recent {
            try checkTime()
            result = try added(since(recent.age), result, givesOrder: recent.isFirst)
        }
        var list = try result ?? List(tracks: allTracks(), hasOwnOrder: false)
        for child in excluded {
            let gone = try evaluate(child, holding: list.tracks.count).tracks.sorted()
            list.tracks =
                list.hasOwnOrder
                ? list.tracks.filter { !SortedTracks.contains(gone, $0) }
                : SortedTracks.subtract(gone, from: list.tracks)
        }
        return list
    }

    /// What was added since a time.
    ///
    /// - Parameters:
    ///   - list: what it has to be in as well.
    ///   - givesOrder: whether it is in its own order, even where the list has one.
    private func added(_ time: Int64, _ list: List?, givesOrder: Bool) throws -> List {
        guard let list else {
            return List(tracks: try reader.tracks(addedSince: time, until: deadline), hasOwnOrder: true)
        }
        let sorted = list.hasOwnOrder ? list.tracks.sorted() : list.tracks
        let recent = List(tracks: try reader.tracks(sorted, addedSince: time, until: deadline), hasOwnOrder: true)
        return givesOrder ? recent : Self.common(list, recent)
    }

    /// Those that are in both, in the order of the first that has one.
    private static func common(_ first: List, _ second: List) -> List {
        let (base, filter) = first.hasOwnOrder || !second.hasOwnOrder ? (first, second) : (second, first)
        let sorted = filter.hasOwnOrder ? filter.tracks.sorted() : filter.tracks
        return List(
            tracks: base.hasOwnOrder
                ? base.tracks.filter { SortedTracks.contains(sorted, $0) }
                : SortedTracks.intersect(base.tracks, sorted),
            hasOwnOrder: base.hasOwnOrder)
    }

    private mutating func any(of children: [CollectionQuery]) throws -> List {
        let hasOwnOrder = children.contains(where: Self.hasOwnOrder)
        // By their ids; and, where there is an order, in that.
        var known: [Int64] = []
        var tracks: [Int64] = []
        for child in children {
            let list = try evaluate(child, holding: known.count + tracks.count)
            if hasOwnOrder { tracks += list.tracks.filter { !SortedTracks.contains(known, $0) } }
            known = SortedTracks.unite(known, list.hasOwnOrder ? list.tracks.sorted() : list.tracks)
        }
        return List(tracks: hasOwnOrder ? tracks : known, hasOwnOrder: hasOwnOrder)
    }

    /// Whether what a query gives has an order of its own. What is excluded has none.
    private static func hasOwnOrder(_ query: CollectionQuery) -> Bool {
        switch query {
        case .added, .played, .mostPlayed: true
        case .search, .neverPlayed, .not: false
        case .and(let children), .or(let children): children.contains(where: hasOwnOrder)
        }
    }
}
