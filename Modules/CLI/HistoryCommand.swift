import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// `musicfs history`.
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show what was opened and played, the newest first.",
        discussion: """
            A track was played when it was held open for 30 seconds, or for half its duration where that is less. Works without a \
            daemon too.
            """,
        examples: [
            CommandExample("musicfs history --plays", "what was played"),
            CommandExample("musicfs history --plays --limit 1000 --json", "for programs"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Flag(help: "Only what was played.") var plays = false
    @Option(help: "How many at the most, up to 10000.") var limit: Int = 50

    mutating func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 10000") }
    }

    mutating func run() throws {
        let rows = try Client.asking(client, global) { daemon in
            var query = [QueryItem("limit", "\(limit)")]
            if plays { query.append(QueryItem("plays", "1")) }
            return try daemon.value([HistoryReport].self, .get, "/v1/history", query: query)
        } alone: {
            let (configuration, instance) = try Settings.loadInstance(global, client)
            return try StandaloneHistory.rows(
                instance, mountPoint: configuration.mountPoint, onlyPlays: plays, limit: limit)
        }
        if client.json { return try Client.printJSON(rows) }
        if rows.isEmpty { return try Client.print("nothing was \(plays ? "played" : "opened")") }
        try Client.print(lines: rows.map(line))
    }

    private func line(_ row: HistoryReport) -> String {
        let time = Timestamp(nanoseconds: row.time.nanoseconds / 1_000_000_000 * 1_000_000_000)
        let held = row.heldSeconds.map { "\(Int($0)) s" } ?? "open"
        let padding = String(repeating: " ", count: max(0, 7 - held.count))
        return
            "\(time)  \(row.isPlay ? "play" : "    ")\(padding)\(held)  \(row.path ?? "\(row.origin): \(row.realPath)")"
    }
}

/// `musicfs prefetch`.
struct PrefetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prefetch", abstract: "Show what is fetched before it is played.",
        examples: [CommandExample("musicfs prefetch status", "what is fetched at the moment, and how well it served")],
        subcommands: [PrefetchStatusCommand.self])
}

struct PrefetchStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what is fetched ahead.",
        examples: [CommandExample("musicfs prefetch status --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        try Client.reporting {
            let report = try Client.connect(client, global).value(PrefetchReport.self, .get, "/v1/prefetch")
            if client.json { return try Client.printJSON(report) }
            guard report.isEnabled else {
                return try Client.print("nothing is fetched ahead: prefetch.enabled is false")
            }
            var lines = [
                "\(report.fetchedFiles) files fetched ahead, \(report.usedFiles) of them opened since; "
                    + "\(report.fetchedBytes >> 20) MiB",
                "\(report.failed) failed, \(report.dropped) dropped since too many waited",
            ]
            if let because = report.pausedBecause { lines.append("paused: \(because)") }
            for item in report.running {
                lines.append("now   \(item.reason)  \(item.path)  \(item.bytes >> 20) of \(item.size >> 20) MiB")
            }
            for item in report.pending { lines.append("next  \(item.reason)  \(item.path)") }
            try Client.print(lines: lines)
        }
    }
}
