import MusicFSArguments
import MusicFSControl
import MusicFSSystem

/// `musicfs scan`.
struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Scan the origins now.",
        examples: [
            CommandExample("musicfs scan", "look for changes in all origins"),
            CommandExample("musicfs scan --origin nas --full", "read the tags of all files of one origin again"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "Only this origin.") var origin: String?
    @Flag(help: "Read the tags of all files again.") var full = false

    mutating func run() throws {
        try Client.reporting {
            try followScan(
                try Client.connect(client), origin: origin, full: full, acceptsRemovals: false, json: client.json)
        }
    }
}

/// Asks for a scan and shows its progress: a bar on a terminal, JSON lines for programs, else a line at the end.
func followScan(
    _ client: ControlClient, origin: String?, full: Bool, acceptsRemovals: Bool, json: Bool
) throws {
    var query: [QueryItem] = []
    if let origin { query.append(QueryItem("origin", origin)) }
    if full { query.append(QueryItem("full", "1")) }
    if acceptsRemovals { query.append(QueryItem("accept_removals", "1")) }
    let showsBar = !json && isTerminal(2)
    var failures: [String] = []
    try client.lines(.post, "/v1/scan", query: query, body: [], idleTimeout: .seconds(60)) { line in
        if json {
            try? writeFully(1, line + [0x0a])
            return true
        }
        guard let progress = try? JSON.decode(ScanProgress.self, from: line) else { return true }
        if progress.phase != .done {
            if showsBar { try? writeFully(2, Array(ProgressLine.text(progress).utf8)) }
            return true
        }
        if showsBar { try? writeFully(2, Array(ProgressLine.clear.utf8)) }
        if let error = progress.error { failures.append("\(progress.origin): \(error)") }
        var text = "\(progress.origin): \(progress.filesSeen) files, \(progress.filesNew) new, "
        text += "\(progress.filesChanged) changed, \(progress.filesRemoved) removed"
        if progress.isSuspect == true {
            text += "; suspect: too much vanished at once, see 'musicfs status'"
        }
        try? Client.print(text)
        return true
    }
    if !failures.isEmpty {
        throw ControlError(.failed, "the scan failed: " + failures.joined(separator: "; "))
    }
}

/// `musicfs origin`.
struct OriginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin", abstract: "Show and rescan origins.",
        examples: [CommandExample("musicfs origin list", "all origins")],
        subcommands: [OriginListCommand.self, OriginRescanCommand.self])
}

struct OriginListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the origins.",
        examples: [CommandExample("musicfs origin list --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        try Client.reporting {
            let origins = try Client.connect(client).value([OriginReport].self, .get, "/v1/origins")
            if client.json { return try Client.printJSON(origins) }
            for origin in origins {
                var line = "\(origin.id)\t\(origin.type)\t\(origin.health)\t\(origin.replicas) files"
                if let message = origin.message { line += "\t\(message)" }
                try Client.print(line)
            }
        }
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
                try Client.connect(client), origin: id, full: false, acceptsRemovals: acceptRemovals,
                json: client.json)
        }
    }
}
