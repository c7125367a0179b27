extension ArgumentDefinition {
    /// The abstract, the values that are allowed and the default, in one line.
    var helpDescription: String {
        var notes: [String] = []
        if !value.allowed.isEmpty { notes.append("values: " + value.allowed.joined(separator: ", ")) }
        if let text = value.defaultDescription { notes.append("default: \(text)") }
        let note = notes.isEmpty ? "" : "(\(notes.joined(separator: "; ")))"
        return [help.abstract, note].filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// `[--name <value> ...]`, with brackets around what may be left out.
    var usage: String {
        let text = isRepeating ? "\(synopsis) ..." : synopsis
        return isRequired ? text : "[\(text)]"
    }

    /// `-n, --name <value>`, as lists of arguments name it.
    var label: String {
        guard kind != .positional else { return displayName }
        let all = names.map(\.description).joined(separator: ", ")
        return kind == .option ? "\(all) <\(valueName)>" : all
    }
}

/// A heading and what is listed under it.
struct HelpSection {
    let title: String
    var entries: [(label: String, text: String)]
}

extension CommandNode {
    /// Help is laid out for this many columns, of which the labels take the first ones.
    private static let columns = 80
    private static let labelColumns = 26

    var visibleOptions: [ArgumentDefinition] { localOptions.filter { !$0.isHidden } }
    var visibleGlobalOptions: [ArgumentDefinition] { globalOptions.filter { !$0.isHidden } }
    var visiblePositionals: [ArgumentDefinition] { positionals.filter { !$0.isHidden } }

    /// How the command is called; a second line for its subcommands if it does something by itself too.
    var usageLines: [String] {
        let arguments = visiblePositionals.map(\.usage)
        let usages = visibleOptions.map(\.usage)
        var line = ([command] + usages + arguments).joined(separator: " ")
        if line.count > Self.columns - "USAGE: ".count {
            let required = visibleOptions.filter(\.isRequired).map(\.usage)
            line = ([command, "[<options>]"] + required + arguments).joined(separator: " ")
        }
        guard !visibleChildren.isEmpty else { return [line] }
        let ownUse = defaultChild.map { child in
            ([line] + child.visibleOptions.filter(\.isRequired).map(\.usage) + child.visiblePositionals.map(\.usage))
                .joined(separator: " ")
        }
        guard arguments.isEmpty else { return [line, "\(command) <subcommand>"] }
        return (ownUse.map { [$0] } ?? []) + ["\(line) <subcommand>"]
    }

    var helpText: String {
        var blocks: [String] = []
        if !configuration.abstract.isEmpty {
            blocks.append(wrap("OVERVIEW: \(configuration.abstract)", columns: Self.columns).joined(separator: "\n"))
        }
        let discussion = configuration.discussion.paragraphs.map { wrap($0, columns: Self.columns) }
        blocks += discussion.map { $0.joined(separator: "\n") }
        blocks.append("USAGE: " + usageLines.joined(separator: "\n       "))
        blocks += (argumentSections + subcommandSections).map(render)
        if !configuration.examples.isEmpty {
            let examples = configuration.examples.map { "  \($0.command)\n      \($0.description)" }
            blocks.append("EXAMPLES:\n" + examples.joined(separator: "\n"))
        }
        if !visibleChildren.isEmpty {
            let pattern = isRoot ? "\(command) help <subcommand>" : "\(command) <subcommand> --help"
            blocks.append("  See '\(pattern)' for detailed help.")
        }
        return blocks.joined(separator: "\n\n")
    }

    /// Arguments, options by group, then those of the commands above. Sections are never empty.
    var argumentSections: [HelpSection] {
        var sections = [HelpSection(title: "ARGUMENTS", entries: visiblePositionals.map(\.entry))]
        let ungrouped = visibleOptions.filter { $0.section == nil }
        sections.append(HelpSection(title: "OPTIONS", entries: ungrouped.map(\.entry) + builtInEntries))
        for definition in visibleOptions {
            guard let title = definition.section?.uppercased() else { continue }
            if let index = sections.firstIndex(where: { $0.title == title }) {
                sections[index].entries.append(definition.entry)
            } else {
                sections.append(HelpSection(title: title, entries: [definition.entry]))
            }
        }
        sections.append(HelpSection(title: "GLOBAL OPTIONS", entries: visibleGlobalOptions.map(\.entry)))
        return sections.filter { !$0.entries.isEmpty }
    }

    private var builtInEntries: [(label: String, text: String)] {
        builtInOptions.map { ($0.names.map(\.description).joined(separator: ", "), $0.abstract) }
    }

    private var subcommandSections: [HelpSection] {
        func section(_ title: String, _ types: [any ParsableCommand.Type]) -> HelpSection {
            let shown = types.map(child).filter(\.configuration.shouldDisplay)
            return HelpSection(title: title, entries: shown.map { ($0.label(in: self), $0.configuration.abstract) })
        }
        let ungrouped = section("SUBCOMMANDS", configuration.ungroupedSubcommands)
        let grouped = configuration.groupedSubcommands.map {
            section("\($0.name.uppercased()) SUBCOMMANDS", $0.subcommands)
        }
        return ([ungrouped] + grouped).filter { !$0.entries.isEmpty }
    }

    private func label(in parent: CommandNode) -> String {
        let isDefault = parent.configuration.defaultSubcommand.map { $0 == type } ?? false
        let names = ([name] + configuration.aliases).joined(separator: ", ")
        return isDefault ? "\(names) (default)" : names
    }

    private func render(_ section: HelpSection) -> String {
        let lines = section.entries.flatMap { entry -> [String] in
            let label = "  \(entry.label)"
            let indent = String(repeating: " ", count: Self.labelColumns)
            var text = entry.text.paragraphs.flatMap { wrap($0, columns: Self.columns - Self.labelColumns) }
            guard label.count + 2 <= Self.labelColumns, let first = text.first else {
                return [label] + text.map { indent + $0 }
            }
            text[0] = label + String(repeating: " ", count: Self.labelColumns - label.count) + first
            return [text[0]] + text.dropFirst().map { indent + $0 }
        }
        return "\(section.title):\n" + lines.joined(separator: "\n")
    }
}

extension CommandNode {
    /// The options that every command has, or that `version` gives it, unless it uses their names itself.
    var builtInOptions: [(names: [OptionName], abstract: String)] {
        var result: [(names: [OptionName], abstract: String)] = []
        if !configuration.version.isEmpty, option(named: .long("version")) == nil {
            result.append(([.long("version")], "Show the version."))
        }
        let help = [OptionName.short("h"), .long("help")].filter { option(named: $0) == nil }
        if !help.isEmpty { result.append((help, "Show help information.")) }
        return result
    }
}

extension ArgumentDefinition {
    fileprivate var entry: (label: String, text: String) {
        (label, help.discussion.isEmpty ? helpDescription : "\(helpDescription)\n\n\(help.discussion)")
    }
}
