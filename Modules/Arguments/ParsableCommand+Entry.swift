extension ParsableCommand {
    /// Reads `arguments` (without the program's name) and returns the command to run, which may be a subcommand.
    /// - Throws: what to print and with which code to exit: help to standard output with 0, or a usage error to
    ///   standard error with 64.
    package static func parseAsRoot(_ arguments: [String]) throws(CommandExit) -> any ParsableCommand {
        var parser = CommandParser(root: Self.self, arguments: arguments)
        do throws(ParserError) {
            return try parser.parse()
        } catch {
            throw parser.node.exit(for: error)
        }
    }

    /// What to print and with which code to exit after `error`.
    ///
    /// A `CommandExit` stands for itself, an `ExitCode` prints nothing, a `ValidationError` is a usage error and
    /// everything else a failure with the error's description.
    /// - Parameter command: the command whose `run` threw; its usage is shown.
    package static func exit(for error: any Error, in command: (any ParsableCommand)? = nil) -> CommandExit {
        let root = CommandNode(root: Self.self)
        let node = command.flatMap { root.descendant(of: Swift.type(of: $0)) } ?? root
        switch error {
        case let exit as CommandExit:
            return exit
        case let code as ExitCode:
            return CommandExit("", to: .standardError, code: code)
        case let error as ValidationError:
            return node.exit(for: .validation(error.message))
        case CleanExit.helpRequest(let type):
            return (root.descendant(of: type) ?? node).exit(for: .helpRequested)
        case CleanExit.message(let text):
            return CommandExit(text, to: .standardOutput, code: .success)
        default:
            return CommandExit("Error: \(error)", to: .standardError, code: .failure)
        }
    }

    /// Parses and runs; `write` gets what is to be printed about it, if anything.
    /// - Returns: the code to exit with.
    package static func execute(_ arguments: [String], write: (CommandExit) -> Void) -> ExitCode {
        var command: (any ParsableCommand)?
        do {
            var parsed = try parseAsRoot(arguments)
            command = parsed
            try parsed.run()
            return .success
        } catch {
            let exit = exit(for: error, in: command)
            if !exit.text.isEmpty { write(exit) }
            return exit.code
        }
    }

    /// The help of this command or of one of its subcommands, ending in a newline.
    package static func helpMessage(for subcommand: (any ParsableCommand.Type)? = nil) -> String {
        let root = CommandNode(root: Self.self)
        return (subcommand.flatMap { root.descendant(of: $0) } ?? root).helpText + "\n"
    }

    /// A script that teaches `shell` this command and its subcommands.
    package static func completionScript(for shell: CompletionShell) -> String {
        let root = CommandNode(root: Self.self)
        switch shell {
        case .bash: return BashCompletions(root: root).script
        case .zsh: return ZshCompletions(root: root).script
        case .fish: return FishCompletions(root: root).script
        }
    }

    /// One page of section 1 in man(7) macros for this command and its subcommands.
    package static func manualPage(_ page: ManualPage) -> String {
        ManualWriter(root: CommandNode(root: Self.self), page: page).text
    }
}
