import MusicFSArguments
import MusicFSControl
import MusicFSCore

/// `musicfs config`.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and show the configuration.",
        examples: [CommandExample("musicfs config example > ~/.config/musicfs/config.toml", "begin with one")],
        subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self, ConfigExampleCommand.self])
}

struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look for mistakes in the configuration.",
        examples: [CommandExample("musicfs config check --config music.toml", "check this file")])

    @OptionGroup var global: GlobalOptions

    mutating func run() throws {
        let loaded = try Configured.load(
            ConfigurationFlags(configFile: global.config, logLevel: global.logLevel))
        if let file = loaded.configuration.control.tokenFile { try Client.reporting { _ = try BearerToken.read(file) } }
        try Client.print("\(loaded.file.map { "\($0)" } ?? "no configuration file"): nothing wrong")
    }
}

struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the effective configuration, and where each value comes from.",
        examples: [CommandExample("musicfs config show --json", "for programs")])

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Print JSON.") var json = false

    private struct Entry: Encodable {
        var key: String
        var value: String
        var source: String
    }

    mutating func run() throws {
        let loaded = try Configured.load(
            ConfigurationFlags(configFile: global.config, logLevel: global.logLevel))
        guard json else { return try Client.printAsItIs(loaded.show()) }
        try Client.printJSON(
            loaded.entries.map { Entry(key: $0.key, value: $0.value.text, source: $0.source.description) })
    }
}

struct ConfigExampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "example", abstract: "Print a configuration file with every key and its default.",
        examples: [CommandExample("musicfs config example", "")])

    mutating func run() throws { try Client.printAsItIs(Configuration.example) }
}
