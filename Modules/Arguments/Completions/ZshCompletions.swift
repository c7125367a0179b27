/// Completions for zsh: a function for each command, built on `_arguments` (zshcompsys(1)).
struct ZshCompletions {
    private let root: CompletionNode

    init(root: CommandNode) {
        self.root = CompletionNode(root)
    }

    var script: String {
        let name = root.node.name
        return """
            #compdef \(name)

            \(root.all.map(function).joined(separator: "\n\n"))

            # Called by the completion system when autoloaded from $fpath, or sourced.
            if [[ $funcstack[1] == \(root.functionName) ]]; then
                \(root.functionName) "$@"
            else
                compdef \(root.functionName) \(name)
            fi

            """
    }

    private func function(_ node: CompletionNode) -> String {
        var specs = node.options.map(spec)
        specs += node.builtInOptions.map { "'(- *)'\(braced($0.names))\(singleQuoted("[\(escaped($0.abstract))]"))" }
        if node.children.isEmpty {
            specs += node.positionals.map(spec)
        } else {
            specs += [singleQuoted("1: :->command"), singleQuoted("*:: :->argument")]
        }
        let states = node.children.isEmpty ? "" : "\n" + self.states(node)
        return """
            \(node.functionName)() {
                local curcontext="$curcontext" state state_descr line
                local -i ret=1
                local -A opt_args
                _arguments -C -s -S \\
                    \(specs.joined(separator: " \\\n        ")) && ret=0\(states)
                return ret
            }
            """
    }

    /// What follows a subcommand is completed by the function of that.
    private func states(_ node: CompletionNode) -> String {
        let commands = node.children.map { child in
            singleQuoted("\(child.node.name.escaping([":": "\\:"])):\(child.abstract)")
        }
        let calls = node.children.map { child in
            "                \(child.names.map(singleQuoted).joined(separator: " | "))) \(child.functionName) && ret=0 ;;"
        }
        var lines = """
                case $state in
                    command)
                        local -a commands=(
                            \(commands.joined(separator: "\n                "))
                        )
                        _describe -t commands command commands && ret=0

            """
        if let first = node.positionals.first(where: { !$0.isHidden }) {
            lines += "            _arguments \(singleQuoted("*" + valueSpec(first))) && ret=0\n"
        }
        return lines + """
                        ;;
                    argument)
                        case $line[1] in
            \(calls.joined(separator: "\n"))
                        esac
                        ;;
                esac
            """
    }

    /// `'(-o --option)'{-o+,--option=}'[help]:value:action'`; what may be repeated excludes nothing.
    private func spec(_ definition: ArgumentDefinition) -> String {
        if definition.kind == .positional {
            if definition.isHidden { return singleQuoted("::\(escaped(definition.valueName)): ") }
            let prefix = definition.isRepeating ? "*" : definition.isRequired ? "" : ":"
            return singleQuoted(prefix + valueSpec(definition))
        }
        let exclusion = definition.names.map(\.description).joined(separator: " ")
        let prefix = definition.isRepeating ? "'*'" : singleQuoted("(\(exclusion))")
        let help = "[\(escaped(definition.help.abstract))]"
        guard definition.kind == .option else { return prefix + braced(definition.names) + singleQuoted(help) }
        return prefix + braced(definition.names, isValued: true) + singleQuoted(help + valueSpec(definition))
    }

    private func braced(_ names: [OptionName], isValued: Bool = false) -> String {
        let forms = names.map { name in name.description + (isValued ? name.isShort ? "+" : "=" : "") }
        return forms.count == 1 ? forms[0] : "{\(forms.joined(separator: ","))}"
    }

    private func valueSpec(_ definition: ArgumentDefinition) -> String {
        ":\(escaped(definition.valueName)):\(action(definition.value.completion))"
    }

    private func action(_ completion: CompletionKind) -> String {
        switch completion {
        case .none: return " "
        case .default, .file(extensions: []): return "_files"
        case .directory: return "_files -/"
        case .file(let extensions):
            // One alternative in parentheses would be taken for glob qualifiers.
            let suffix = extensions.count == 1 ? extensions[0] : "(\(extensions.joined(separator: "|")))"
            return "_files -g \"*.\(suffix)\""
        case .list(let words):
            let escaped = words.map { word in
                word.escaping([
                    " ": "\\ ", ":": "\\:", "\\": "\\\\", "'": "\\'", "\"": "\\\"", "$": "\\$", "`": "\\`", "(": "\\(",
                    ")": "\\)", "*": "\\*", "?": "\\?", "[": "\\[", "]": "\\]", "{": "\\{", "}": "\\}", "<": "\\<",
                    ">": "\\>", "|": "\\|", ";": "\\;", "&": "\\&", "~": "\\~", "#": "\\#",
                ])
            }
            return "(\(escaped.joined(separator: " ")))"
        }
    }

    private func escaped(_ text: String) -> String {
        text.escaping(["\\": "\\\\", "[": "\\[", "]": "\\]", ":": "\\:"])
    }
}
