extension ParsableCommand {
    /// What is wrong with the description of this command and its subcommands, one sentence for each finding.
    ///
    /// The types cannot rule these mistakes out, so a test of each program asks that there are none.
    package static func definitionProblems() -> [String] {
        CommandNode(root: Self.self).problems
    }
}

extension CommandNode {
    fileprivate var problems: [String] {
        let own = nameProblems + positionalProblems + subcommandProblems
        return own.map { "\(command): \($0)" } + children.flatMap(\.problems)
    }

    private var nameProblems: [String] {
        var problems = repeated(localOptions.flatMap(\.names).map(\.description)).map { "two options are named \($0)" }
        problems += repeated((positionals + localOptions).map(\.key)).map {
            "the group with '\($0.property)' stands here twice"
        }
        problems += localOptions.filter(\.names.isEmpty).map { "'\($0.key.property)' has no name" }
        problems += builtInNameProblems
        return problems
    }

    private var builtInNameProblems: [String] {
        let reserved: Set<OptionName> = [.short("h"), .long("help")]
        return localOptions.flatMap(\.names).filter(reserved.contains).map { "\($0) is the name of the help option" }
    }

    private var positionalProblems: [String] {
        var problems: [String] = []
        for (earlier, later) in zip(positionals, positionals.dropFirst()) {
            if earlier.isRepeating {
                problems.append("<\(later.valueName)> comes after <\(earlier.valueName)>, which takes all words")
            }
            if !earlier.isRequired, later.isRequired {
                problems.append(
                    "<\(later.valueName)> is required, but comes after the optional <\(earlier.valueName)>")
            }
        }
        return problems
    }

    private var subcommandProblems: [String] {
        let names = children.flatMap { [$0.name] + $0.configuration.aliases } + (helpChild.map { [$0.name] } ?? [])
        var problems = repeated(names).map { "two subcommands are named \($0)" }
        if let type = configuration.defaultSubcommand, !configuration.subcommands.contains(where: { $0 == type }) {
            problems.append("the default subcommand \(type.commandName) is none of the subcommands")
        }
        return problems
    }

    private func repeated<T: Hashable>(_ values: [T]) -> [T] {
        var seen: Set<T> = []
        return values.filter { !seen.insert($0).inserted }
    }
}
