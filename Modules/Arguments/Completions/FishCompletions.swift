/// Completions for fish 3 or later: one `complete` for each thing that can be typed, with the command as condition.
struct FishCompletions {
    private let root: CompletionNode

    init(root: CommandNode) {
        self.root = CompletionNode(root)
    }

    var script: String {
        let name = root.node.name
        let nodes = root.all
        return """
            # fish completion for \(name)

            # Prints the command that the words before the cursor name, and the number of its arguments so far.
            function _\(root.functionName)_context
                set -l command \(quoted(name))
                set -l arguments 0
                set -l skip 0
                set -l literal 0
                set -l words (commandline -opc)
                set -e words[1]
                for word in $words
                    if test $skip -eq 1
                        set skip 0
                    else if test $literal -eq 1
                        set arguments (math $arguments + 1)
                    else
                        switch "$command:$word"
            \(nodes.flatMap(descents).joined(separator: "\n"))\(valuedOptions(nodes))
                            case '*:--'
                                set literal 1
                            case '*:-?*'
                            case '*'
                                set arguments (math $arguments + 1)
                        end
                    end
                end
                printf '%s\\n' $command $arguments
            end

            # Whether the cursor is in the command and, if they are given, between the first and last argument.
            function _\(root.functionName)_at -a command first last
                set -l context (_\(root.functionName)_context)
                test "$context[1]" = "$command"; or return 1
                test -z "$first"; and return 0
                test $context[2] -ge $first; or return 1
                test -z "$last"; or test $context[2] -le $last
            end

            complete -c \(name) -f
            \(nodes.flatMap(completions).joined(separator: "\n"))

            """
    }

    private func cases(_ node: CompletionNode, _ words: [String]) -> String {
        words.map { quoted("\(node.node.command):\($0)") }.joined(separator: " ")
    }

    private func descents(_ node: CompletionNode) -> [String] {
        node.children.map { child in
            """
                            case \(cases(node, child.names))
                                set command \(quoted(child.node.command))
                                set arguments 0
            """
        }
    }

    /// The options whose value follows.
    private func valuedOptions(_ nodes: [CompletionNode]) -> String {
        let all = nodes.compactMap { node -> String? in
            let names = node.options.filter { $0.kind == .option }.flatMap(\.names).map(\.description)
            return names.isEmpty ? nil : cases(node, names)
        }
        guard !all.isEmpty else { return "" }
        return """

                            case \(all.joined(separator: " \\\n                    "))
                                set skip 1
            """
    }

    private func completions(_ node: CompletionNode) -> [String] {
        let start = "complete -c \(root.node.name) -n "
        func at(_ range: String = "") -> String {
            let range = range.isEmpty ? "" : " " + range
            return start + quoted("_\(root.functionName)_at \(quoted(node.node.command))\(range)")
        }
        let commands = node.children.map { child in
            at("0 0") + " -a \(quoted(child.node.name)) -d \(quoted(child.abstract))"
        }
        let options = node.options.map { option in
            let value = option.kind == .option ? " -r" + action(option.value.completion) : ""
            return at() + flags(option.names) + value + " -d \(quoted(option.help.abstract))"
        }
        let builtIn = node.builtInOptions.map { at() + flags($0.names) + " -d \(quoted($0.abstract))" }
        let positionals = node.positionals.enumerated().compactMap { index, positional -> String? in
            guard !positional.isHidden, positional.value.completion != .none else { return nil }
            return at(positional.isRepeating ? "\(index)" : "\(index) \(index)") + action(positional.value.completion)
        }
        return commands + options + builtIn + positionals
    }

    private func flags(_ names: [OptionName]) -> String {
        names.map { ($0.isShort ? " -s " : " -l ") + $0.bare }.joined()
    }

    private func action(_ completion: CompletionKind) -> String {
        switch completion {
        case .none: return " -f"
        case .default, .file(extensions: []): return " -F"
        case .directory: return " -f -a '(__fish_complete_directories)'"
        case .file(let extensions):
            let suffixes = extensions.map { "(__fish_complete_suffix .\($0))" }
            return " -k -f -a \(quoted(suffixes.joined(separator: " ")))"
        case .list(let words):
            return " -f -a \(quoted(words.map(quoted).joined(separator: " ")))"
        }
    }

    /// In single quotes fish knows only `\\` and `\'`.
    private func quoted(_ text: String) -> String {
        "'" + text.escaping(["\\": "\\\\", "'": "\\'"]) + "'"
    }
}
