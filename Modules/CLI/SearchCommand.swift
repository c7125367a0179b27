import MusicFSArguments
import MusicFSControl
import MusicFSDaemon
import MusicFSSystem

/// `musicfs search`.
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find tracks.",
        discussion: """
            Words must all match; "a phrase", field:word, word*, word~1 (typing errors), AND, OR, NOT or -, parentheses, \
            year:1980..1989, duration:>10m, added:<30d, origin:nas, format:flac. Fields are title, artist, album, \
            album_artist, genre and composer. A query that matches nothing is tried again with typing errors allowed.
            """,
        examples: [
            CommandExample("musicfs search dark side", "tracks with both words"),
            CommandExample("musicfs search 'artist:miles year:1955..1965 -live'", "by fields"),
            CommandExample("musicfs search --paths0 'genre:jazz duration:>10m' | xargs -0 mpv", "play what is found"),
        ],
        subcommands: [SearchFindCommand.self, SearchStatsCommand.self, SearchRebuildCommand.self],
        defaultSubcommand: SearchFindCommand.self)
}

struct SearchFindCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Find tracks by a query.",
        examples: [CommandExample("musicfs search find stats", "look for a word that is a subcommand too")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "Show so many, at most 10000 with the offset.") var limit = 100
    @Option(help: "Leave out so many of the best.") var offset = 0
    @Flag(help: "Print the paths alone, each followed by a NUL character.") var paths0 = false
    @Flag(help: "Tell how the query was understood, and what the scores are made of.") var explain = false
    @Argument(help: "What to look for.") var query: [String]

    mutating func run() throws {
        let text = query.joined(separator: " ")
        for (name, value) in [("--limit", limit), ("--offset", offset)] where !(0...10_000).contains(value) {
            throw CommandExit("Error: \(name) takes a number from 0 to 10000\n", to: .standardError, code: ExitCode(64))
        }
        let (report, mountPoint) = try Client.asking(client, global) { daemon in
            var items = [QueryItem("query", text), QueryItem("limit", "\(limit)"), QueryItem("offset", "\(offset)")]
            if explain { items.append(QueryItem("explain", "1")) }
            let report = try daemon.value(SearchReport.self, .get, "/v1/search", query: items)
            let mountPoint = paths0 ? try daemon.value(StatusReport.self, .get, "/v1/status").mountPoint : ""
            return (report, mountPoint)
        } alone: {
            let settings = try Settings.load(global, client, logLevel: "error").settings
            return (
                try StandaloneSearch(settings).report(
                    query: text, limit: limit, offset: offset, explains: explain),
                settings.mountPoint.description
            )
        }
        if client.json { return try Client.printJSON(report) }
        if paths0 {
            let paths = report.results.map { Array(mountPoint.utf8) + ($0.pathBytes ?? Array($0.path.utf8)) + [0] }
            return try writeFully(1, Array(paths.joined()))
        }
        try show(report)
    }

    private func show(_ report: SearchReport) throws {
        let printer = SearchPrinter(isStyled: isTerminal(1))
        if let corrected = report.correctedTo {
            try Client.note("nothing matches \(report.query); this is for: \(corrected)")
        }
        if let understood = report.understood { try Client.print("understood as \(understood)") }
        if report.isIncomplete == true {
            try Client.note("the index is being built: there may be more")
        }
        for result in report.results { try Client.printAsItIs(printer.text(result)) }
        let first = offset + 1
        let range = report.results.isEmpty ? "" : ", \(first) to \(offset + report.results.count) shown"
        let milliseconds = Double(report.microseconds / 100) / 10
        try Client.note("\(report.total) tracks\(range), \(milliseconds) ms")
    }
}

struct SearchStatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show how the search index does.",
        examples: [CommandExample("musicfs search stats --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        let report = try Client.asking(client, global) { daemon in
            try daemon.value(SearchStatistics.self, .get, "/v1/search/stats")
        } alone: {
            try StandaloneSearch(try Settings.load(global, client, logLevel: "error").settings).statistics
        }
        if client.json { return try Client.printJSON(report) }
        let message = report.message.map { ": \($0)" } ?? ""
        try Client.print(lines: [
            "\(report.state)\(message)",
            "\(report.documents) tracks, \(report.pending) changes to come",
            "\(report.segments) segments, \(report.bytes >> 10) KiB; \(report.searches) searches",
        ])
    }
}

struct SearchRebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Build the search index anew.",
        discussion: "The daemon does it in the background; where none runs, the next mount does.",
        examples: [CommandExample("musicfs search rebuild", "when answers seem to be wrong")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions

    mutating func run() throws {
        let report = try Client.asking(client, global) { daemon in
            try daemon.value(SearchRebuildReport.self, .post, "/v1/search/rebuild")
        } alone: {
            try StandaloneSearch.remove(try Settings.load(global, client, logLevel: "error").settings)
            return SearchRebuildReport(rebuilding: false)
        }
        if client.json { return try Client.printJSON(report) }
        try Client.print(
            report.rebuilding ? "the index is being built anew" : "the next mount builds the index anew")
    }
}
