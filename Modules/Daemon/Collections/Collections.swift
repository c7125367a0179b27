import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSystem
import Synchronization

/// The collections of a library: those that people made, those that are always there, and what is in them.
///
/// Nothing is evaluated before somebody asks for the tracks of one. All methods but `accepts` may wait for a disk.
final class Collections: Sendable {
    /// How many people may make.
    static let maximumCount = 10_000

    private let curation: Curation
    private let makeReader: @Sendable () throws(CacheError) -> LibraryReader?
    private let finder: (any TrackFinder)?
    private let history: (any PlayHistory)?
    private let limits: CollectionEvaluator.Limits
    private let onChange: @Sendable () -> Void
    private let known: Mutex<Known>

    /// What names there are, as far as is known.
    private struct Known {
        var decades: [Int64] = []
        var stored: Set<String> = []
        /// Of the curation, when it was read.
        var serial: UInt64?
        /// Of the library, when its decades were looked for.
        var lastChange: Int64?
    }

    /// - Parameters:
    ///   - limits: of what one evaluation may cost.
    ///   - onChange: called when there are other collections, or one may hold something else.
    ///   - makeReader: nil where there is no library yet.
    init(
        curation: Curation, finder: (any TrackFinder)?, history: (any PlayHistory)?,
        limits: CollectionEvaluator.Limits = .standard, onChange: @escaping @Sendable () -> Void = {},
        makeReader: @escaping @Sendable () throws(CacheError) -> LibraryReader?
    ) {
        self.curation = curation
        self.finder = finder
        self.history = history
        self.limits = limits
        self.onChange = onChange
        self.makeReader = makeReader
        known = Mutex(Known())
    }

    private static var now: Int64 { wallClockNanoseconds() / 1_000_000_000 }

    // MARK: Names

    /// Whether there is one of this name, in whatever normalisation form, as far as is known. Constant time, without asking
    /// anybody.
    func accepts(_ name: String) -> Bool {
        let name = UnicodeText.composed(name)
        if CollectionDefinition.builtIn.contains(where: { $0.name == name }) { return true }
        return known.withLock { known in
            known.stored.contains(name)
                || CollectionDefinition.decade(named: name).map(known.decades.contains) ?? false
        }
    }

    /// Learns what names there are, where something may have changed.
    ///
    /// - Parameter lastChange: of the library; nil has its decades looked for in any case.
    /// - Throws: CacheError; what could be read is known then.
    func refresh(lastChange: Int64?) throws {
        let serial = curation.serial
        let (isRead, isLooked) = known.withLock {
            ($0.serial == serial, lastChange != nil && $0.lastChange == lastChange)
        }
        var isChanged = false
        defer { if isChanged { onChange() } }
        if !isLooked {
            let decades = try makeReader()?.decades() ?? []
            isChanged = known.withLock { known in
                defer { (known.decades, known.lastChange) = (decades, lastChange) }
                return known.decades != decades
            }
        }
        if !isRead {
            let stored = Set(try curation.collections().map(\.name))
            known.withLock { ($0.stored, $0.serial) = (stored, serial) }
            isChanged = true
        }
    }

    /// All there are: those that are always there, decades, and those that people made by their names.
    func list() throws -> [CollectionReport] {
        let decades = try makeReader()?.decades() ?? []
        let builtIn = CollectionDefinition.builtIn + decades.map(CollectionDefinition.decade)
        return builtIn.map { CollectionReport(name: $0.name, query: $0.definition.text, isBuiltIn: true) }
            + (try curation.collections().map(report))
    }

    private func report(_ collection: StoredCollection) -> CollectionReport {
        var report = CollectionReport(
            name: collection.name, query: CollectionDefinition.text(stored: collection.definition) ?? "",
            isBuiltIn: false, created: Timestamp(nanoseconds: collection.created),
            updated: Timestamp(nanoseconds: collection.updated))
        do throws(ControlError) { _ = try CollectionDefinition(stored: collection.definition, now: Self.now) } catch {
            report.problem = error.description
        }
        return report
    }

    // MARK: Changing

    private func refuseBuiltIn(_ name: String, _ doing: String) throws(ControlError) {
        let isDecade = CollectionDefinition.decade(named: name) != nil
        guard isDecade || CollectionDefinition.builtIn.contains(where: { $0.name == name }) else { return }
        throw ControlError(
            .conflict, "\"\(name)\" cannot be \(doing): \(isDecade ? "names of decades are" : "it is") always there",
            remedy: doing == "removed" ? nil : "choose another name")
    }

    /// - Parameter replaces: whether one of that name gets the query.
    /// - Throws: ControlError or CacheError.
    func add(_ name: String, query: String, replaces: Bool) throws -> CollectionReport {
        let name = try CollectionName.checked(name)
        try refuseBuiltIn(name, "added")
        let definition = try CollectionDefinition(query, now: Self.now).encoded()
        if try curation.collections().count >= Self.maximumCount, try curation.collection(named: name) == nil {
            throw ControlError(.conflict, "there are \(Self.maximumCount) collections", remedy: "remove one before")
        }
        let (collection, isSet) = try curation.setCollection(name, definition: definition, replaces: replaces)
        guard isSet else {
            throw ControlError(
                .conflict, "there is a collection \"\(name)\" already", remedy: "choose another name, or use --replace")
        }
        _ = known.withLock { $0.stored.insert(name) }
        onChange()
        return report(collection)
    }

    /// - Throws: ControlError or CacheError.
    func remove(_ name: String) throws -> CollectionReport {
        let name = UnicodeText.composed(name)
        try refuseBuiltIn(name, "removed")
        guard let collection = try curation.removeCollection(named: name) else { throw Self.missing(name) }
        _ = known.withLock { $0.stored.remove(name) }
        onChange()
        return report(collection)
    }

    private static func missing(_ name: String) -> ControlError {
        ControlError(.notFound, "there is no collection \"\(name)\"", remedy: "'musicfs collection list' tells which")
    }

    // MARK: Tracks

    /// What a collection is.
    ///
    /// - Throws: `notFound` where there is none of that name, and CacheError.
    private func definition(_ name: String) throws -> CollectionDefinition {
        // As they are stored (`CollectionName`).
        let name = UnicodeText.composed(name)
        if let builtIn = CollectionDefinition.builtIn.first(where: { $0.name == name }) { return builtIn.definition }
        if let first = CollectionDefinition.decade(named: name) {
            guard try makeReader()?.decades(in: first...(first + 9)).isEmpty == false else { throw Self.missing(name) }
            return CollectionDefinition.decade(first).definition
        }
        guard let collection = try curation.collection(named: name) else { throw Self.missing(name) }
        return try CollectionDefinition(stored: collection.definition, now: Self.now)
    }

    /// The ids of the tracks of a collection in its order, at most `limit`.
    ///
    /// - Throws: ControlError, `notFound` where there is none of that name, `timeout` or `tooLarge` where it costs too much;
    ///   CacheError, or what prevents searching.
    func tracks(of name: String, limit: Int) throws -> [Int64] {
        let definition = try definition(name)
        guard let reader = try makeReader() else { return [] }
        var evaluator = CollectionEvaluator(
            reader: reader, finder: finder, history: history, now: wallClockNanoseconds(), limits: limits)
        return try evaluator.tracks(definition, limit: limit)
    }

    /// Tells of tracks where they are, until `body` answers false.
    func forEachPlace(of tracks: [Int64], _ body: (CollectionTrack) throws -> Bool) throws {
        guard let reader = try makeReader() else { return }
        for start in stride(from: 0, to: tracks.count, by: 1000) {
            for (track, place) in try reader.places(of: tracks[start..<min(start + 1000, tracks.count)]) {
                guard try body(CollectionTrack(track, place)) else { return }
            }
        }
    }
}

extension CollectionTrack {
    init(_ track: Int64, _ place: TrackPlace) {
        self.init(
            trackID: track, path: place.path.description, title: place.title, artist: place.artist, album: place.album,
            year: place.year, milliseconds: place.duration)
        if String(validating: place.path.bytes, as: UTF8.self) == nil { pathBytes = place.path.bytes }
    }
}
