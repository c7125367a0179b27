import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// `musicfs collection`.
struct CollectionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collection", abstract: "Keep lists of tracks that are made anew whenever they are looked at.",
        discussion: """
            A query is one of the search language, which may also ask for what was added and played: added:<30d, played:<7d, \
            played:never, played:top100. Always there are Recently Added, Recently Played, Most Played and one for each \
            decade that has tracks, such as 1980s.
            """,
        examples: [
            CommandExample("musicfs collection add \"New jazz\" 'genre:jazz added:<30d'", "jazz of the last 30 days"),
            CommandExample("musicfs collection export 1980s > 80s.m3u8", "as a playlist"),
        ],
        subcommands: [
            CollectionAddCommand.self, CollectionListCommand.self, CollectionShowCommand.self,
            CollectionRemoveCommand.self, CollectionExportCommand.self,
        ])
}

/// Asks the daemon, or opens curation.db and the library where none runs. That takes the instance's directories, and neither
/// a mount point nor origins.
private func onCollections(
    _ client: ClientOptions, _ global: GlobalOptions, daemon: (ControlClient) throws -> Void,
    alone: (StandaloneCollections, Configuration) throws -> Void
) throws {
    try Client.asking(client, global, daemon) {
        let (configuration, instance) = try Settings.loadInstance(global, client)
        let collections = try StandaloneCollections(
            cacheDirectory: instance.cacheDirectory, stateDirectory: instance.stateDirectory,
            logs: configuration.log.system())
        try alone(collections, configuration)
    }
}

/// Takes the tracks of a collection from a daemon, until `body` answers false.
private func forEachTrack(
    _ name: String, limit: Int?, _ client: ControlClient, _ body: (CollectionTrack) throws -> Bool
) throws {
    var failure: (any Error)?
    var query = [QueryItem("name", name)]
    if let limit { query.append(QueryItem("limit", "\(limit)")) }
    try client.lines(.get, "/v1/collections/tracks", query: query, idleTimeout: .seconds(60)) { line in
        do {
            let track = try JSON.decode(CollectionTrack.self, from: line)
            if let error = track.error { throw ControlError(.failed, error) }
            return try body(track)
        } catch {
            failure = error
            return false
        }
    }
    if let failure { throw failure }
}

struct CollectionAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Keep a query under a name.",
        discussion: """
            Terms that stand beside those of the search language: added:<30d and played:<7d (h, d, w, m for 30 days, y), \
            played:never, played:top100. What is recent is shown latest first, what was played most first. A query that \
            begins with a dash stands behind --, and options before that.
            """,
        examples: [
            CommandExample("musicfs collection add Forgotten 'played:never added:<1y'", "what was never played"),
            CommandExample(
                "musicfs collection add --replace Forgotten 'NOT played:<1y'", "something else of that name"),
            CommandExample("musicfs collection add Forgotten -- '-played:<1y'", "a query that begins with a dash"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Flag(help: "Let a collection that has the name hold this.") var replace = false
    @Argument(help: "What it is called, and its directory in the mount.") var name: String
    @Argument(help: "What it holds; behind -- where it begins with a dash.") var query: String

    mutating func run() throws {
        let (json, name, query, replace) = (client.json, name, query, replace)
        func show(_ collection: CollectionReport) throws {
            if json { return try Client.printJSON(collection) }
            try Client.print("\(collection.name): \(collection.query)")
        }
        try onCollections(client, global) { daemon in
            let items = [QueryItem("name", name), QueryItem("query", query)]
            try show(
                try daemon.value(
                    CollectionReport.self, .post, "/v1/collections",
                    query: items + (replace ? [QueryItem("replace", "1")] : [])))
        } alone: { collections, _ in
            try show(try collections.add(name, query: query, replaces: replace))
        }
    }
}

struct CollectionListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show which collections there are.",
        examples: [CommandExample("musicfs collection list --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        let json = client.json
        func show(_ collections: [CollectionReport]) throws {
            if json { return try Client.printJSON(collections) }
            for collection in collections {
                let problem = collection.problem.map { " (cannot be used: \($0))" } ?? ""
                try Client.print("\(collection.name): \(collection.query)\(problem)")
            }
        }
        try onCollections(client, global) {
            try show(try $0.value([CollectionReport].self, .get, "/v1/collections"))
        } alone: { collections, _ in
            try show(try collections.list())
        }
    }
}

struct CollectionShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the tracks of a collection.",
        examples: [CommandExample("musicfs collection show \"Recently Added\" --limit 20", "the newest twenty")])

    private struct Contents: Encodable {
        var name: String
        var tracks: [CollectionTrack]
    }

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "How many tracks at most; all by default.") var limit: Int?
    @Argument(help: "The collection's name.") var name: String

    mutating func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }

    mutating func run() throws {
        let (json, name, limit) = (client.json, name, limit)
        var tracks: [CollectionTrack] = []
        func take(_ track: CollectionTrack) throws -> Bool {
            if json {
                tracks.append(track)
            } else {
                let caption = PlaylistText.caption(artist: track.artist, title: track.title)
                try Client.print(columns: [caption, track.path])
            }
            return true
        }
        try onCollections(client, global) {
            try forEachTrack(name, limit: limit, $0, take)
        } alone: { collections, _ in
            try collections.forEachTrack(of: name, limit: limit ?? .max, take)
        }
        if json { try Client.printJSON(Contents(name: name, tracks: tracks)) }
    }
}

struct CollectionRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a collection; its tracks stay where they are.",
        examples: [CommandExample("musicfs collection remove \"New jazz\"", "those that are always there stay")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The collection's name.") var name: String

    mutating func run() throws {
        let (json, name) = (client.json, name)
        func show(_ collection: CollectionReport) throws {
            if json { return try Client.printJSON(collection) }
            // So that one that was removed by mistake can be added again.
            try Client.print("removed \(collection.name): \(collection.query)")
        }
        try onCollections(client, global) {
            try show(
                try $0.value(
                    CollectionReport.self, .post, "/v1/collections/remove", query: [QueryItem("name", name)]))
        } alone: { collections, _ in
            try show(try collections.remove(name))
        }
    }
}

struct CollectionExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a collection as a playlist (.m3u8).",
        discussion: "Paths are relative to the mount point, where the playlist can lie beside the tracks, or absolute.",
        examples: [
            CommandExample("musicfs collection export 1980s --absolute --output ~/80s.m3u8", "for any player"),
            CommandExample("musicfs collection export \"Most Played\"", "to standard output"),
        ])

    private struct Result: Encodable {
        var name: String
        var file: String
        var tracks: Int
    }

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "The file that is written, or replaced, once the playlist is whole.", completion: .file())
    var output: String?
    @Flag(help: "Write absolute paths.") var absolute = false
    @Argument(help: "The collection's name.") var name: String

    mutating func run() throws {
        let (name, isAbsolute) = (name, absolute)
        let output = try output.map { try FilePath($0).absolute() }
        if client.json, output == nil {
            throw CommandExit(
                "Error: --json tells what was written to a file; add --output FILE\n", to: .standardError,
                code: ExitCode(64))
        }
        var bytes = PlaylistText.header
        var count = 0
        func prefix(_ mountPoint: FilePath?) throws -> [UInt8] {
            guard isAbsolute else { return [] }
            guard let bytes = mountPoint?.bytes else {
                throw ControlError(
                    .badRequest, "it is not known where the library is mounted",
                    remedy: "set mount_point in the configuration, or leave --absolute out")
            }
            return bytes.last == UInt8(ascii: "/") ? bytes : bytes + [UInt8(ascii: "/")]
        }
        func take(_ track: CollectionTrack, _ prefix: [UInt8]) throws -> Bool {
            bytes += PlaylistText.entry(
                path: track.pathBytes ?? Array(track.path.utf8), prefix: prefix, duration: track.milliseconds,
                artist: track.artist,
                title: track.title)
            count += 1
            if output == nil, bytes.count > 1 << 16 {
                try writeFully(1, bytes)
                bytes = []
            }
            return true
        }
        try onCollections(client, global) { daemon in
            let prefix =
                isAbsolute
                ? try prefix(FilePath(daemon.value(StatusReport.self, .get, "/v1/status").mountPoint)) : []
            try forEachTrack(name, limit: nil, daemon) { try take($0, prefix) }
        } alone: { collections, configuration in
            let prefix = try prefix(configuration.mountPoint)
            try collections.forEachTrack(of: name, limit: .max) { try take($0, prefix) }
        }
        guard let output else { return try writeFully(1, bytes) }
        try writeFileAtomically(output, bytes, mode: 0o644)
        if client.json { try Client.printJSON(Result(name: name, file: output.description, tracks: count)) }
    }
}
