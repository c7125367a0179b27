/// A set of arguments that can be parsed: a struct whose properties carry `@Argument`, `@Option`, `@Flag` or
/// `@OptionGroup`.
///
/// Every stored property needs one of the wrappers; `Decodable` is the mechanism that fills them and is synthesized.
package protocol ParsableArguments: Decodable, Sendable {
    init()

    /// Checks what no single argument can tell, once all are parsed.
    /// - Throws: `ValidationError`, which becomes a usage error with exit code 64.
    mutating func validate() throws
}

extension ParsableArguments {
    package mutating func validate() throws {}
}

/// A command or, with `subcommands`, a tree of them. Commands run synchronously on the caller's thread.
package protocol ParsableCommand: ParsableArguments {
    static var configuration: CommandConfiguration { get }

    /// Does the work. A command without its own `run` asks for its help.
    mutating func run() throws
}

extension ParsableCommand {
    package static var configuration: CommandConfiguration { CommandConfiguration() }

    /// The name on the command line: the configured one, else the type's name in kebab case.
    package static var commandName: String {
        configuration.commandName ?? kebabCase(String(describing: Self.self))
    }

    package mutating func run() throws {
        throw CleanExit.helpRequest(Self.self)
    }
}
