import MusicFSArguments
import MusicFSControl
import MusicFSDaemon
import MusicFSSystem

/// `musicfs cache`.
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Show and look after what is kept of far-away origins.",
        examples: [
            CommandExample("musicfs cache stats", "how full it is and how well it serves"),
            CommandExample("musicfs cache pin ~/Music-by-tags/Artist", "keep all of an artist for the journey"),
        ],
        subcommands: [
            CacheStatsCommand.self, CacheVerifyCommand.self, CacheRepairCommand.self, CacheClearCommand.self,
            CachePrefetchCommand.self, CachePinCommand.self, CacheUnpinCommand.self,
        ])
}

/// Asks the daemon, or opens the cache's directory where none runs.
private func onCache(
    _ client: ClientOptions, _ global: GlobalOptions, daemon: (ControlClient) throws -> Void,
    alone: (StandaloneCache) throws -> Void
) throws {
    try Client.asking(client, global, daemon) {
        let loaded = try Settings.load(global, client, logLevel: "error")
        let cache = try StandaloneCache(loaded.settings, logs: loaded.logs(isDetached: false))
        defer { cache.close() }
        try alone(cache)
    }
}

/// Asks the daemon, or opens the library where none runs.
private func onFiles(
    _ client: ClientOptions, _ global: GlobalOptions, daemon: (ControlClient) throws -> Void,
    alone: (StandaloneFiles) throws -> Void
) throws {
    try Client.asking(client, global, daemon) {
        let loaded = try Settings.load(global, client, logLevel: "error")
        let files = try StandaloneFiles(
            loaded.settings, logs: loaded.logs(isDetached: false), environment: ThisProcess.environment)
        defer { files.close() }
        try alone(files)
    }
}

struct CacheStatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show how full the cache is and how well it serves.",
        examples: [CommandExample("musicfs cache stats --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        let json = client.json
        try onCache(client, global) { daemon in
            try show(try daemon.value(CacheReport.self, .get, "/v1/cache"), json)
        } alone: {
            try show($0.report, json)
        }
    }

    private func show(_ report: CacheReport, _ json: Bool) throws {
        if json { return try Client.printJSON(report) }
        if report.maxBytes == 0 {
            return try Client.print("there is no cache: cache.max_size is 0, or nothing is far away")
        }
        var lines = [
            "\(report.usedBytes >> 20) of \(report.maxBytes >> 20) MiB used by \(report.chunks) chunks, "
                + "\(report.pinnedBytes >> 20) MiB pinned",
            "\(report.hits) hits, \(report.misses) misses, \(report.evictedBytes >> 20) MiB evicted, "
                + "\(report.savedBytes >> 20) MiB saved by sharing",
        ]
        if let error = report.error { lines.append("switched off: \(error)") }
        for origin in report.origins {
            lines.append(
                "\(origin.id): \(origin.fetchedBytes >> 20) MiB in \(origin.requests) requests, \(origin.errors) errors"
            )
        }
        try Client.print(lines: lines)
    }
}

struct CacheVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare every chunk with its checksum.",
        discussion: "Ends with 1 when something is wrong; 'musicfs cache repair' puts it right.",
        examples: [CommandExample("musicfs cache verify --against-origin", "compare all bytes with the origins'")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Flag(help: "Compare what is stored with the origins, byte by byte, and forget what differs.")
    var againstOrigin = false

    mutating func run() throws {
        let printer = CachePrinter(json: client.json)
        if againstOrigin {
            try onFiles(client, global) {
                try printer.follow($0, "/v1/cache/verify", [QueryItem("against_origin", "1")])
            } alone: {
                try $0.compare { printer.show($0) }
            }
        } else {
            try onCache(client, global) {
                try printer.follow($0, "/v1/cache/verify", [])
            } alone: {
                try $0.check(repairs: false) { printer.show($0) }
            }
        }
        try printer.finish(failsOnDamage: true)
    }
}

struct CacheRepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Put right what is wrong with the cache.",
        discussion: "Deletes damaged chunks, makes the index anew from the packs of chunks where it is gone.",
        examples: [CommandExample("musicfs cache repair", "after a disk's trouble")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        let printer = CachePrinter(json: client.json)
        try onCache(client, global) {
            try printer.follow($0, "/v1/cache/repair", [])
        } alone: { cache in
            try cache.check(repairs: true) { printer.show($0) }
        }
        try printer.finish(failsOnDamage: false)
    }
}

struct CacheClearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear", abstract: "Forget what is cached.",
        examples: [CommandExample("musicfs cache clear --origin nas", "of one origin")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "Only what came from this origin.") var origin: String?

    mutating func run() throws {
        let (json, origin) = (client.json, origin)
        func show(_ change: CacheChange) throws {
            if json { return try Client.printJSON(change) }
            try Client.print("\(change.bytes >> 20) MiB freed")
        }
        try onCache(client, global) { daemon in
            let query = origin.map { [QueryItem("origin", $0)] } ?? []
            try show(try daemon.value(CacheChange.self, .post, "/v1/cache/clear", query: query))
        } alone: {
            try show(try $0.clear(origin: origin))
        }
    }
}

struct CachePrefetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prefetch", abstract: "Fetch files into the cache.",
        examples: [CommandExample("musicfs cache prefetch ~/Music-by-tags/Artist/Album", "an album")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "Files and directories of the mount.", completion: .file()) var paths: [String]

    mutating func run() throws {
        let printer = CachePrinter(json: client.json)
        let absolute = try paths.map { try FilePath($0).absolute() }
        try onFiles(client, global) {
            try printer.follow($0, "/v1/cache/prefetch", pathQuery(absolute))
        } alone: {
            try $0.prefetch(absolute) { printer.show($0) }
        }
        try printer.finish(failsOnDamage: false)
    }
}

struct CachePinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keep files in the cache, whatever else comes.",
        discussion: "What is not there yet is kept once it was read; 'musicfs cache prefetch' fetches it now.",
        examples: [CommandExample("musicfs cache pin ~/Music-by-tags/Artist/Album", "an album")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "Files and directories of the mount.", completion: .file()) var paths: [String]

    mutating func run() throws { try changePins(client, global, paths, true) }
}

struct CacheUnpinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Let pinned files go again when room is needed.",
        examples: [CommandExample("musicfs cache unpin ~/Music-by-tags/Artist/Album", "an album")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "Files and directories of the mount.", completion: .file()) var paths: [String]

    mutating func run() throws { try changePins(client, global, paths, false) }
}

private func pathQuery(_ paths: [FilePath]) -> [QueryItem] { paths.map { QueryItem("path", bytes: $0.bytes) } }

private func changePins(_ client: ClientOptions, _ global: GlobalOptions, _ paths: [String], _ isPinned: Bool) throws {
    func show(_ change: CacheChange) throws {
        if client.json { return try Client.printJSON(change) }
        try Client.print("\(change.files) files are \(isPinned ? "pinned" : "no longer pinned")")
    }
    let absolute = try paths.map { try FilePath($0).absolute() }
    try onFiles(client, global) { daemon in
        let path = isPinned ? "/v1/cache/pin" : "/v1/cache/unpin"
        try show(try daemon.value(CacheChange.self, .post, path, query: pathQuery(absolute)))
    } alone: {
        try show(try $0.pin(absolute, isPinned))
    }
}
