import MusicFSCache
package import MusicFSControl
package import MusicFSCore
package import MusicFSSystem

/// What the daemon answers about what was played, and what will be.
struct HistoryRoutes: Sendable {
    private let server: Server

    init(_ server: Server) { self.server = server }

    static let largestLimit = 10_000

    var all: [Route] {
        [
            Route(
                .get, "/v1/history",
                Operation(
                    "What was opened and played, the newest first.",
                    [
                        .init("plays", "Only what was played.", .flag),
                        .init("limit", "How many at the most, up to 10000; 50 by default.", .number),
                    ], .json([HistoryReport].self))
            ) { request throws(ControlError) in try .json(rows(request)) },
            Route(.get, "/v1/prefetch", Operation("What is fetched ahead.", .json(PrefetchReport.self))) {
                _ throws(ControlError) in
                guard let prefetcher = server.prefetcher else { return try .json(PrefetchReport(isEnabled: false)) }
                return try .json(answer { prefetcher.report() })
            },
        ]
    }

    private func rows(_ request: ControlRequest) throws(ControlError) -> [HistoryReport] {
        let limit = try Self.limit(request.text("limit"))
        let onlyPlays = request.flag("plays")
        return try answer { [server] in
            let rows = try server.history.rows(onlyPlays: onlyPlays, limit: limit)
            return HistoryReport.all(rows, paths: TrackPaths(server.library, server.settings.mountPoint))
        }
    }

    /// Not on the lane of the library, where the status waits: the history may lie on another disk, which hangs.
    private func answer<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws(ControlError) -> R {
        try server.searches.answer(
            "the history", failure: { ControlError(.failed, "\($0)", remedy: "see 'musicfs doctor'") }, body)
    }

    private static func limit(_ text: String?) throws(ControlError) -> Int {
        guard let text else { return 50 }
        guard let limit = Int(text), (1...largestLimit).contains(limit) else {
            throw ControlError(.badRequest, "limit is no number from 1 to \(largestLimit)")
        }
        return limit
    }
}

/// Finds where in the mount files are that an origin holds.
struct TrackPaths {
    private let reader: LibraryReader
    private let tree: TreeReader
    private let mountPoint: [UInt8]

    /// - Returns: nil where the library cannot be read: the history is of interest all the same.
    init?(_ library: Library, _ mountPoint: FilePath) {
        guard let reader = try? library.makeReader(), let tree = try? library.makeTreeReader() else { return nil }
        self.reader = reader
        self.tree = tree
        self.mountPoint = mountPoint.bytes
    }

    /// The same of a library that may be open elsewhere.
    init?(reading path: FilePath, _ mountPoint: FilePath?) {
        guard let (reader, tree) = try? LibraryFile.readers(path) else { return nil }
        self.reader = reader
        self.tree = tree
        self.mountPoint = mountPoint?.bytes ?? []
    }

    func known(_ files: [OriginPath]) -> [OriginPath: PlayableFile] { (try? reader.playable(files)) ?? [:] }

    func path(_ file: PlayableFile) -> String? {
        guard let path = try? tree.path(ofFile: file.node) else { return nil }
        return FilePath(bytes: mountPoint + path.bytes)?.description
    }
}

extension HistoryReport {
    static func all(_ rows: [HistoryRow], paths: TrackPaths?) -> [HistoryReport] {
        let known = paths?.known(rows.map(\.file)) ?? [:]
        return rows.map { row in
            let file = known[row.file]
            return HistoryReport(
                time: Timestamp(nanoseconds: row.time), isPlay: row.isPlay,
                heldSeconds: row.held.map { Double($0 / 1_000_000) / 1000 }, origin: row.file.origin,
                realPath: FilePath(bytes: row.file.path)?.description ?? "",
                path: file.flatMap { paths?.path($0) }, trackID: file?.track)
        }
    }
}

/// The history without a daemon: it is read, and never changed.
package enum StandaloneHistory {
    /// - Parameter mountPoint: where the paths of files begin; nil for the root of the mount.
    /// - Throws: `ControlError` where it cannot be read.
    package static func rows(
        _ instance: Configuration.Instance, mountPoint: FilePath?, onlyPlays: Bool, limit: Int
    ) throws(ControlError) -> [HistoryReport] {
        do throws(CacheError) {
            let rows = try HistoryFile(instance.stateDirectory.appending(History.fileName)).rows(
                onlyPlays: onlyPlays, limit: limit)
            let library = instance.cacheDirectory.appending(Library.fileName)
            return HistoryReport.all(rows, paths: TrackPaths(reading: library, mountPoint))
        } catch {
            throw ControlError(.failed, "the history cannot be read: \(error)", remedy: "see 'musicfs doctor'")
        }
    }
}
