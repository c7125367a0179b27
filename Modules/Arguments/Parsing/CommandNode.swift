/// A command at its place in the tree, with the options that it takes over from the commands above it.
struct CommandNode: Sendable {
    let type: any ParsableCommand.Type
    let configuration: CommandConfiguration
    /// The names from the root to this command.
    let path: [String]
    let positionals: [ArgumentDefinition]
    /// Options and flags that are its own.
    let localOptions: [ArgumentDefinition]
    /// Those of the commands above it, which are understood after its name as well.
    let globalOptions: [ArgumentDefinition]

    init(root: any ParsableCommand.Type) {
        self.init(root, path: [], globalOptions: [])
    }

    private init(_ type: any ParsableCommand.Type, path: [String], globalOptions: [ArgumentDefinition]) {
        let definitions = type.definitions()
        let globalKeys = Set(globalOptions.map(\.key))
        let local = definitions.filter { $0.kind != .positional && !globalKeys.contains($0.key) }
        let localNames = Set(local.flatMap(\.names))
        self.type = type
        self.configuration = type.configuration
        self.path = path + [type.commandName]
        self.positionals = definitions.filter { $0.kind == .positional }
        self.localOptions = local
        self.globalOptions = globalOptions.filter { localNames.isDisjoint(with: $0.names) }
    }

    var name: String { type.commandName }
    var command: String { path.joined(separator: " ") }
    var isRoot: Bool { path.count == 1 }
    var options: [ArgumentDefinition] { localOptions + globalOptions }

    func child(_ type: any ParsableCommand.Type) -> CommandNode {
        CommandNode(type, path: path, globalOptions: options)
    }

    /// The subcommands, without the help command.
    var children: [CommandNode] {
        configuration.subcommands.map(child)
    }

    var visibleChildren: [CommandNode] {
        children.filter(\.configuration.shouldDisplay)
    }

    /// The help command of a root that has subcommands.
    var helpChild: CommandNode? {
        isRoot && !configuration.subcommands.isEmpty ? child(HelpCommand.self) : nil
    }

    var defaultChild: CommandNode? {
        configuration.defaultSubcommand.map(child)
    }

    func child(named name: String) -> CommandNode? {
        let types = configuration.subcommands
        let type = types.first { $0.commandName == name } ?? types.first { $0.configuration.aliases.contains(name) }
        if let type { return child(type) }
        return name == HelpCommand.commandName ? helpChild : nil
    }

    func option(named name: OptionName) -> ArgumentDefinition? {
        options.first { $0.names.contains(name) }
    }

    /// The first command of this tree that has the type.
    func descendant(of type: any ParsableCommand.Type) -> CommandNode? {
        if self.type == type { return self }
        for child in children {
            if let found = child.descendant(of: type) { return found }
        }
        return nil
    }
}

/// `musicfs help search` for `musicfs search --help`; the parser answers it.
struct HelpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "help", abstract: "Show the help of a command.")

    @Argument(help: ArgumentHelp("The command.", valueName: "command"))
    var path: [String] = []
}
