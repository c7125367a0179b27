import MusicFSArguments
import MusicFSDaemon

/// `musicfs`.
struct MusicFSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "musicfs", abstract: "Mount a music library by its tags.",
        discussion: """
            MusicFS shows a music library, wherever its files lie, as one read-only file system laid out by tags.
            """,
        examples: [
            CommandExample("musicfs mount ~/Music-by-tags --origin ~/Music", "mount a library"),
            CommandExample("musicfs status", "see how it is doing"),
            CommandExample("musicfs unmount ~/Music-by-tags", "take it down"),
        ],
        version: musicFSVersion,
        subcommands: [
            MountCommand.self, UnmountCommand.self, ScanCommand.self, StatusCommand.self, ShutdownCommand.self,
            ReloadCommand.self, UpgradeCommand.self, TasksCommand.self, EventsCommand.self, LogLevelCommand.self,
            BackupCommand.self, RestoreCommand.self, DoctorCommand.self, InfoCommand.self, OriginCommand.self,
            CacheCommand.self, SearchCommand.self, CollectionCommand.self, HistoryCommand.self, PrefetchCommand.self,
            ConfigCommand.self, VersionCommand.self,
            CompletionsCommand.self,
            ManualCommand.self, ServeCommand.self, UnitCommand.self,
        ])

    @OptionGroup var global: GlobalOptions
}

/// Options of all commands; they may stand before or behind the command's name.
struct GlobalOptions: ParsableArguments {
    @Option(help: "Read this configuration file.", completion: .file())
    var config: String?

    @Option(
        help: "What is logged: a level (trace, debug, info, notice, warning, error, critical), or \"info,fuse=debug\".")
    var logLevel: String?
}

/// How a command finds the daemon that it talks to.
struct ClientOptions: ParsableArguments {
    @Option(help: "The control socket of the daemon.", completion: .file())
    var socket: String?

    @Option(help: "The name of the daemon's instance.")
    var name: String?

    @Flag(help: "Print JSON.")
    var json = false
}
