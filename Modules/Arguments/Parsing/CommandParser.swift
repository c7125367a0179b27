/// Reads a command line from left to right: options are looked up in the command reached so far, then in those above it.
struct CommandParser {
    private var tokens: ArraySlice<String>
    /// The commands from the root to the one reached.
    private var chain: [CommandNode] = []
    private(set) var node: CommandNode
    private var words: [ArgumentKey: [String]] = [:]
    private var positionals: [String] = []
    private var isTerminated = false

    init(root: any ParsableCommand.Type, arguments: [String]) {
        tokens = arguments[...]
        node = CommandNode(root: root)
        chain = [node]
    }

    /// The command to run, with its arguments filled in and validated.
    mutating func parse() throws(ParserError) -> any ParsableCommand {
        do throws(ParserError) {
            while let token = tokens.popFirst() {
                try read(token)
            }
            while positionals.isEmpty, let child = node.defaultChild { descend(to: child) }
            return try finish()
        } catch {
            // Who asks for help in the same breath wants it more than the error.
            if tokens.prefix(while: { $0 != "--" }).contains(where: { isHelp($0) }) { throw .helpRequested }
            throw error
        }
    }

    private mutating func read(_ token: String) throws(ParserError) {
        if isTerminated || !isOption(token) {
            try readPositional(token)
        } else if token == "--" {
            isTerminated = true
        } else if token.hasPrefix("--") {
            try readLong(token)
        } else {
            try readCluster(token)
        }
    }

    /// A lone dash (standard input by custom) is none, nor is a negative number unless a digit is an option's name.
    private func isOption(_ token: String) -> Bool {
        guard token.hasPrefix("-"), let second = token.dropFirst().first else { return false }
        return Double(token) == nil || node.option(named: .short(second)) != nil
    }

    private func isHelp(_ token: String) -> Bool {
        (token == "--help" && node.option(named: .long("help")) == nil)
            || (token == "-h" && node.option(named: .short("h")) == nil)
    }

    private mutating func descend(to child: CommandNode) {
        node = child
        chain.append(child)
    }

    // MARK: Positional arguments

    private mutating func readPositional(_ token: String) throws(ParserError) {
        if positionals.isEmpty, !isTerminated, let child = node.child(named: token) {
            return descend(to: child)
        }
        if node.positionals.isEmpty, let child = node.defaultChild {
            let parent = node
            descend(to: child)
            // Without room for a word in the default command, it must have been meant as a command's name.
            guard !child.positionals.isEmpty || child.defaultChild != nil || isTerminated else {
                node = parent
                throw unknownCommand(token)
            }
            return try readPositional(token)
        }
        if node.positionals.isEmpty, !node.configuration.subcommands.isEmpty, !isTerminated {
            throw unknownCommand(token)
        }
        positionals.append(token)
    }

    private func unknownCommand(_ name: String) -> ParserError {
        let names = node.visibleChildren.flatMap { [$0.name] + $0.configuration.aliases }
        return .unknownCommand(name, suggestion: suggestion(for: name, among: names))
    }

    // MARK: Options

    private mutating func readLong(_ token: String) throws(ParserError) {
        let parts = token.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts.first ?? "")
        let value = parts.count > 1 ? parts.last.map(String.init) : nil
        guard let definition = find(.long(name)) else {
            if isHelp(token) { throw .helpRequested }
            if name == "version", !node.configuration.version.isEmpty { throw .versionRequested }
            throw unknownOption(.long(name))
        }
        try record(definition, written: "--\(name)", value: value)
    }

    /// `-abc`: flags, of which the last may instead be an option with its value in the rest of the word or after it.
    private mutating func readCluster(_ token: String) throws(ParserError) {
        var letters = token.dropFirst()
        while let letter = letters.popFirst() {
            guard let definition = find(.short(letter)) else {
                if isHelp("-\(letter)") { throw .helpRequested }
                throw unknownOption(.short(letter), in: token)
            }
            var value: String?
            if letters.first == "=" || (definition.kind == .option && !letters.isEmpty) {
                value = String(letters.first == "=" ? letters.dropFirst() : letters)
                letters = ""
            }
            try record(definition, written: "-\(letter)", value: value)
        }
    }

    /// The option with the name; an option that only the default subcommand has chooses that.
    private mutating func find(_ name: OptionName) -> ArgumentDefinition? {
        if let definition = node.option(named: name) { return definition }
        guard positionals.isEmpty, let child = node.defaultChild, child.option(named: name) != nil else { return nil }
        descend(to: child)
        return node.option(named: name)
    }

    private mutating func record(
        _ definition: ArgumentDefinition, written: String, value: String?
    ) throws(ParserError) {
        switch definition.kind {
        case .flag:
            if let value { throw .unexpectedValue(value, option: written) }
            words[definition.key, default: []].append("")
        case .option, .positional:
            let word = if let value { value } else { try nextValue(of: definition, written: written) }
            words[definition.key, default: []].append(word)
        }
    }

    private mutating func nextValue(
        of definition: ArgumentDefinition, written: String
    ) throws(ParserError) -> String {
        guard let next = tokens.first, !isOption(next) else {
            throw .missingValue(definition, written: written, next: tokens.first == "--" ? nil : tokens.first)
        }
        tokens.removeFirst()
        return next
    }

    private func unknownOption(_ name: OptionName, in token: String? = nil) -> ParserError {
        if let child = node.visibleChildren.first(where: { $0.option(named: name)?.isHidden == false }) {
            return .misplacedOption(name.description, command: child.command)
        }
        let known = node.options.filter { !$0.isHidden }.flatMap(\.names).filter { !$0.isShort }.map(\.bare) + ["help"]
        // A cluster may as well be a long name with one dash too few.
        let word = token.map { String($0.dropFirst()) } ?? name.bare
        let nearest = word.count > 1 ? suggestion(for: word, among: known) : nil
        return .unknownOption(name.description, suggestion: nearest.map { "--\($0)" })
    }

    // MARK: The end

    private mutating func finish() throws(ParserError) -> any ParsableCommand {
        assignPositionals()
        if !positionals.isEmpty { throw .unexpectedArguments(positionals) }
        var values: ParsedValues = [:]
        for command in chain {
            try convert(command, into: &values)
        }
        var result: (any ParsableCommand)?
        for command in chain {
            // A command above, if it has positional arguments, lacks them when a subcommand was named.
            if command.type != node.type, command.positionals.contains(where: \.isRequired) { continue }
            result = try Self.decode(command.type, values: values)
        }
        if let help = result as? HelpCommand { try showHelp(of: help.path) }
        guard let result else { throw .helpRequested }
        return result
    }

    private mutating func assignPositionals() {
        var rest = positionals[...]
        for definition in node.positionals {
            let count = definition.isRepeating ? rest.count : min(1, rest.count)
            words[definition.key] = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        positionals = Array(rest)
    }

    private func convert(_ command: CommandNode, into values: inout ParsedValues) throws(ParserError) {
        for definition in command.localOptions + command.positionals {
            let given = words[definition.key] ?? []
            if given.isEmpty, definition.isRequired {
                if definition.kind == .positional, command.type != node.type { continue }
                throw .missingArgument(definition)
            }
            do throws(InvalidValue) {
                values[definition.key] = try definition.value.convert(given)
            } catch {
                throw .invalidValue(error.text, definition)
            }
        }
    }

    private static func decode(
        _ type: any ParsableCommand.Type, values: ParsedValues
    ) throws(ParserError) -> any ParsableCommand {
        do {
            var command: any ParsableCommand = try ArgumentDecoder.decode(type, values: values)
            try command.validate()
            return command
        } catch let error as ValidationError {
            throw .validation(error.message)
        } catch {
            throw .validation("\(error)")
        }
    }

    private mutating func showHelp(of path: [String]) throws(ParserError) {
        node = chain[0]
        for name in path {
            guard let child = node.child(named: name) else { throw unknownCommand(name) }
            descend(to: child)
        }
        throw .helpRequested
    }
}
