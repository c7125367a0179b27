import MusicFSArguments
import MusicFSControl
import MusicFSDaemon
import MusicFSSystem

/// `musicfs scan`.
struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Scan the origins now.",
        discussion: "Asks the daemon; where none runs, scans the origins of the configuration by itself.",
        examples: [
            CommandExample("musicfs scan", "look for changes in all origins"),
            CommandExample("musicfs scan --origin nas --full", "read the tags of all files of one origin again"),
            CommandExample("musicfs scan --config music.toml", "where no daemon runs: fill the library before a mount"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "Only this origin.") var origin: String?
    @Flag(help: "Read the tags of all files again.") var full = false

    mutating func run() throws {
        try Client.asking(client, global) { daemon in
            try followScan(daemon, origin: origin, full: full, acceptsRemovals: false, json: client.json)
        } alone: {
            try scanAlone()
        }
    }

    /// No daemon runs: the origins of the configuration are scanned by this process.
    private func scanAlone() throws {
        let loaded = try Settings.load(global, client, logLevel: "warning")
        Signal.block([Signal.interrupt, Signal.terminate])
        let signals = try SignalQueue([Signal.interrupt, Signal.terminate])
        let scan = try StandaloneScan(
            loaded.settings, origin: origin, logs: loaded.logs(isDetached: false),
            environment: ThisProcess.environment)
        var printer = ScanPrinter(json: client.json)
        let isComplete = try scan.run(
            isFull: full, shouldStop: { signals.next() != nil }, show: { try printer.show($0) })
        try printer.finish()
        if !isComplete { throw ControlError(.failed, "the scan was stopped", remedy: "the next one goes on with it") }
    }
}

/// Asks for a scan and shows its progress.
func followScan(
    _ client: ControlClient, origin: String?, full: Bool, acceptsRemovals: Bool, json: Bool
) throws(ControlError) {
    var query: [QueryItem] = []
    if let origin { query.append(QueryItem("origin", origin)) }
    if full { query.append(QueryItem("full", "1")) }
    if acceptsRemovals { query.append(QueryItem("accept_removals", "1")) }
    var printer = ScanPrinter(json: json)
    try client.lines(.post, "/v1/scan", query: query, body: [], idleTimeout: .seconds(60)) { line in
        guard let progress = try? JSON.decode(ScanProgress.self, from: line) else { return true }
        // Whoever reads the output may have gone; the scan goes on without them.
        return (try? printer.show(progress)) != nil
    }
    try printer.finish()
}

/// `musicfs origin`.
struct OriginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin", abstract: "Show and rescan origins.",
        examples: [CommandExample("musicfs origin list", "all origins")],
        subcommands: [OriginListCommand.self, OriginHealthCommand.self, OriginRescanCommand.self])
}

struct OriginListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the origins.",
        examples: [CommandExample("musicfs origin list --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        try Client.reporting {
            let origins = try Client.connect(client, global).value([OriginReport].self, .get, "/v1/origins")
            try printOrigins(origins, client)
        }
    }
}

private func printOrigins(_ origins: [OriginReport], _ client: ClientOptions) throws {
    if client.json { return try Client.printJSON(origins) }
    for origin in origins {
        var columns = [origin.id, origin.type, origin.health, "\(origin.replicas) files"]
        if let latency = origin.latencyMilliseconds { columns.append("\(Int(latency.rounded(.up))) ms") }
        if let message = origin.message { columns.append(message) }
        try Client.print(columns: columns)
    }
}

struct OriginHealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Check origins now.",
        discussion: "Ends with 1 when one of them does not answer.",
        examples: [CommandExample("musicfs origin health nas", "whether the NAS answers")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The origin's id; all without one.") var id: String?

    mutating func run() throws {
        let isWell = try Client.reporting {
            let query = id.map { [QueryItem("origin", $0)] } ?? []
            let origins = try Client.connect(client, global).value(
                [OriginReport].self, .post, "/v1/origins/check", query: query)
            try printOrigins(origins, client)
            return origins.allSatisfy { $0.health == "healthy" || $0.health == "degraded" }
        }
        if !isWell { throw ExitCode(1) }
    }
}

struct OriginRescanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rescan", abstract: "Scan one origin.",
        examples: [
            CommandExample("musicfs origin rescan local --accept-removals", "what vanished is really gone")
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The origin's id.") var id: String
    @Flag(help: "Take vanished files out of the tree, however many they are.") var acceptRemovals = false

    mutating func run() throws {
        try Client.reporting {
            try followScan(
                try Client.connect(client, global), origin: id, full: false, acceptsRemovals: acceptRemovals,
                json: client.json)
        }
    }
}
