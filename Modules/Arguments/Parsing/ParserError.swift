/// Why a command line does not end in a command to run.
enum ParserError: Error {
    case helpRequested
    case versionRequested
    case unknownOption(String, suggestion: String?)
    case misplacedOption(String, command: String)
    case unknownCommand(String, suggestion: String?)
    case unexpectedArguments([String])
    case unexpectedValue(String, option: String)
    case missingValue(ArgumentDefinition, written: String, next: String?)
    case missingArgument(ArgumentDefinition)
    case invalidValue(String, ArgumentDefinition)
    case validation(String)

    /// The argument whose help belongs under the message.
    var definition: ArgumentDefinition? {
        switch self {
        case .missingValue(let definition, _, _), .missingArgument(let definition), .invalidValue(_, let definition):
            definition.isHidden || definition.help.abstract.isEmpty ? nil : definition
        default: nil
        }
    }

    /// Nil for what is no error.
    var message: String? {
        switch self {
        case .helpRequested, .versionRequested:
            return nil
        case .unknownOption(let name, let suggestion):
            return "Unknown option '\(name)'" + didYouMean(suggestion)
        case .misplacedOption(let name, let command):
            return "The option '\(name)' belongs after a subcommand, as in '\(command) \(name)'"
        case .unknownCommand(let name, let suggestion):
            return "Unknown command '\(name)'" + didYouMean(suggestion)
        case .unexpectedArguments(let arguments):
            let list = arguments.map { "'\($0)'" }.joined(separator: ", ")
            return arguments.count == 1
                ? "Unexpected argument \(list)" : "\(arguments.count) unexpected arguments: \(list)"
        case .unexpectedValue(let value, let option):
            return "The option '\(option)' takes no value, but '\(value)' was given"
        case .missingValue(let definition, let written, let next):
            let message = "Missing value for '\(written) <\(definition.valueName)>'"
            guard let next else { return message }
            return "\(message). If '\(next)' is the value, write '\(written)=\(next)'"
        case .missingArgument(let definition):
            return "Missing expected argument '\(definition.synopsis)'"
        case .invalidValue(let value, let definition):
            let message = "The value '\(value)' is invalid for '\(definition.synopsis)'"
            let allowed = definition.value.allowed.map { "'\($0)'" }
            guard let last = allowed.last else { return message }
            let others = allowed.dropLast().joined(separator: ", ")
            return "\(message). Please provide one of \(others.isEmpty ? last : "\(others) and \(last)")"
        case .validation(let message):
            return message
        }
    }

    private func didYouMean(_ suggestion: String?) -> String {
        suggestion.map { ". Did you mean '\($0)'?" } ?? ""
    }
}

extension CommandNode {
    /// What the user sees of `error`, which came up in this command.
    func exit(for error: ParserError) -> CommandExit {
        guard let message = error.message else {
            if case .versionRequested = error { return .help(configuration.version) }
            return .help(helpText)
        }
        var lines = ["Error: \(message)"]
        if let definition = error.definition {
            lines.append("Help:  \(definition.synopsis)  \(definition.helpDescription)")
        }
        lines.append("Usage: " + usageLines.joined(separator: "\n       "))
        lines.append("  See '\(command) --help' for more information.")
        return CommandExit(lines.joined(separator: "\n"), to: .standardError, code: .validationFailure)
    }
}
