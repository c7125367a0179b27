import MusicFSArguments

/// A small tree with one of everything: groups at two levels, a default subcommand, hidden parts, all kinds of values.
struct Jukebox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jukebox",
        abstract: "Plays records.",
        discussion: """
            The jukebox plays what it is told to play, in the order in which it was told, until nobody asks for more
            or the coins run out.

            'Quotes', back\\slashes and
            .dots at the start of a line survive.
            """,
        examples: [
            CommandExample("jukebox play ~/a.flac --volume=3", "Play one file quietly."),
            CommandExample("jukebox records list", "See what there is."),
        ],
        version: "jukebox 1.2",
        subcommands: [Play.self, Records.self, Secret.self],
        groupedSubcommands: [CommandGroup(name: "Upkeep", subcommands: [Clean.self])])

    @OptionGroup var globals: Globals
}

struct Globals: ParsableArguments {
    @Option(
        name: .shortAndLong, help: ArgumentHelp("Read the settings from a file.", valueName: "file"),
        completion: .file(extensions: ["toml"]))
    var config: String?

    @Option(help: "How much to log.")
    var logLevel: LogLevel = .info

    mutating func validate() throws {
        if config == "" { throw ValidationError("The configuration file needs a name") }
    }
}

enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case debug, info, error
}

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false
}

struct Play: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play files: all of them, in order.",
        examples: [CommandExample("jukebox play side-a.flac side-b.flac", "Play a record.")],
        aliases: ["p"])

    @OptionGroup var globals: Globals
    @OptionGroup(title: "Output options") var output: OutputOptions

    @Option(name: .shortAndLong, help: "How loud, from 1 to 11.")
    var volume = 5
    @Option(
        name: .shortAndLong, help: ArgumentHelp("Where to look for files.", valueName: "dir"), completion: .directory)
    var from: [String] = []
    @Option(help: "Seconds to skip.")
    var skip: Double?
    @Flag(name: .shortAndLong, help: "Begin again at the end.")
    var again = false
    @Flag(name: .customShort("x"), help: "Mix [the] order: 'x'.")
    var mix = false
    @Flag(help: .hidden)
    var backwards = false
    @Argument(help: "What to play first.", completion: .file())
    var first: String
    @Argument(help: "What to play then.", completion: .file())
    var rest: [String] = []

    mutating func validate() throws {
        if volume > 11 { throw ValidationError("No jukebox goes above 11") }
    }

    mutating func run() throws {
        if first == "broken" { throw ValidationError("The record is broken") }
        if first == "quiet" { throw ExitCode(7) }
        if first == "lost" { throw RecordLost() }
        if first == "done" { throw CleanExit.message("That was all.") }
    }
}

struct RecordLost: Error, CustomStringConvertible {
    var description: String { "the record is lost" }
}

struct Records: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look after the records.", subcommands: [Find.self, List.self], defaultSubcommand: Find.self)

    struct Find: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Find records.")
        @OptionGroup var globals: Globals
        @Option(help: "How many to show.") var limit: Int64 = 10
        @Option(help: "Where to begin.") var offset = 0
        @Argument(help: "What to look for.", completion: .list(["title:", "it's $new"])) var query: String
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all records.")
        @OptionGroup var output: OutputOptions
        @Option(help: "Which ones.") var kind: Kind
        enum Kind: Int, CaseIterable, ExpressibleByArgument { case single = 45, long = 33 }
    }
}

struct Secret: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Not for the public.", shouldDisplay: false)
    @Flag var open = false
}

struct Clean: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Wipe the dust off.")
    @Argument(help: "Where the dust is.", completion: .directory) var place: String?
}
