/// What describes a command besides its arguments. The text feeds the help, the completions and the manual page.
package struct CommandConfiguration: Sendable {
    package var commandName: String?
    package var abstract: String
    package var discussion: String
    package var examples: [CommandExample]
    package var version: String
    package var shouldDisplay: Bool
    package var ungroupedSubcommands: [any ParsableCommand.Type]
    package var groupedSubcommands: [CommandGroup]
    package var defaultSubcommand: (any ParsableCommand.Type)?
    package var aliases: [String]

    /// - Parameters:
    ///   - commandName: what the user types; nil takes the type's name in kebab case.
    ///   - abstract: one line.
    ///   - discussion: paragraphs, separated by an empty line; wrapped where they are shown.
    ///   - examples: complete command lines, shown at the end of the help.
    ///   - version: if not empty, `--version` prints it.
    ///   - shouldDisplay: false hides the command from help, completions, manual page and suggestions.
    ///   - groupedSubcommands: subcommands listed under a heading of their own, after `subcommands`.
    ///   - defaultSubcommand: runs when no subcommand is named; must be one of the subcommands.
    ///   - aliases: other names for the command; its help is listed under `commandName`.
    package init(
        commandName: String? = nil, abstract: String = "", discussion: String = "", examples: [CommandExample] = [],
        version: String = "", shouldDisplay: Bool = true, subcommands: [any ParsableCommand.Type] = [],
        groupedSubcommands: [CommandGroup] = [], defaultSubcommand: (any ParsableCommand.Type)? = nil,
        aliases: [String] = []
    ) {
        self.commandName = commandName
        self.abstract = abstract
        self.discussion = discussion
        self.examples = examples
        self.version = version
        self.shouldDisplay = shouldDisplay
        self.ungroupedSubcommands = subcommands
        self.groupedSubcommands = groupedSubcommands
        self.defaultSubcommand = defaultSubcommand
        self.aliases = aliases
    }

    /// All subcommands, in the order in which help lists them.
    package var subcommands: [any ParsableCommand.Type] {
        ungroupedSubcommands + groupedSubcommands.flatMap(\.subcommands)
    }
}

/// Subcommands that help lists under one heading.
package struct CommandGroup: Sendable {
    package let name: String
    package let subcommands: [any ParsableCommand.Type]

    package init(name: String, subcommands: [any ParsableCommand.Type]) {
        self.name = name
        self.subcommands = subcommands
    }
}

/// A command line as a user would type it, with what it does.
package struct CommandExample: Sendable {
    package let command: String
    package let description: String

    package init(_ command: String, _ description: String) {
        self.command = command
        self.description = description
    }
}
