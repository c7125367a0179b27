import MusicFSArguments
import MusicFSDaemon
import MusicFSSystem

/// `musicfs version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version.",
        examples: [CommandExample("musicfs version", "")])

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Print JSON.") var json = false

    mutating func run() throws {
        if json { return try Client.printJSON(["version": musicFSVersion]) }
        try Client.print("musicfs \(musicFSVersion)")
    }
}

/// `musicfs completions`.
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a shell's completion script.",
        examples: [
            CommandExample(
                "musicfs completions bash > /etc/bash_completion.d/musicfs", "teach bash the commands")
        ])

    @Argument(help: "The shell.") var shell: CompletionShell

    mutating func run() throws { try Client.printAsItIs(MusicFSCommand.completionScript(for: shell)) }
}

/// Prints the manual page; for packaging.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the manual page.", shouldDisplay: false)

    @Option(help: "The date that it shows.") var date = "2026-11-20"

    mutating func run() throws {
        try Client.printAsItIs(MusicFSCommand.manualPage(ManualPage(date: date, source: "MusicFS \(musicFSVersion)")))
    }
}
