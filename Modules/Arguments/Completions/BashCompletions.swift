/// Completions for bash 4 or later, without need of the bash-completion package.
///
/// One function walks the words before the cursor to find the command, then looks up what fits there.
struct BashCompletions {
    private let root: CompletionNode

    init(root: CommandNode) {
        self.root = CompletionNode(root)
    }

    var script: String {
        let name = root.node.name
        let function = root.functionName
        let nodes = root.all
        return """
            # bash completion for \(name)

            # Offers those of the given words that begin with what is typed.
            \(function)_words() {
                local word quoted
                for word in "$@"; do
                    if [[ $word == "$cur"* ]]; then
                        printf -v quoted '%q' "$word"
                        COMPREPLY+=("$quoted")
                    fi
                done
            }

            # Offers directories and the files with one of the given extensions.
            \(function)_files() {
                local extension path typed="${cur//\\\\/}"
                typed="${typed#[\\"\\']}"
                compopt -o filenames
                while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen -d -- "$typed")
                for extension in "$@"; do
                    while IFS= read -r path; do
                        [[ -d $path ]] || COMPREPLY+=("$path")
                    done < <(compgen -f -X "!*.$extension" -- "$typed")
                done
            }

            \(function)() {
                local cur="${COMP_WORDS[COMP_CWORD]}" prev="" word="" command=\(singleQuoted(name))
                local -i index=1 arguments=0 literal=0
                COMPREPLY=()
                # To readline, the "=" of "--option=value" is a word by itself.
                [[ $cur == "=" ]] && cur=""
                while ((index < COMP_CWORD)); do
                    word="${COMP_WORDS[index]}"
                    index+=1
                    [[ $word == "=" ]] && continue
                    prev=""
                    if ((literal)); then
                        arguments+=1
                        continue
                    fi
                    case "$command:$word" in
            \(nodes.flatMap(descents).joined(separator: "\n"))\(valuedOptions(nodes))
                        *:--) literal=1 ;;
                        *:-?*) ;;
                        *) arguments+=1 ;;
                    esac
                done

                # The value of an option.
                case "$command:$prev" in
            \(optionValues(nodes).joined(separator: "\n"))
                esac

                # The name of an option.
                if ((!literal)) && [[ $cur == -* ]]; then
                    case "$command" in
            \(nodes.map(optionNames).joined(separator: "\n"))
                    esac
                    return
                fi

                # A subcommand or an argument.
                case "$command:$arguments" in
            \(nodes.flatMap(arguments).joined(separator: "\n"))
                esac
            }

            complete -F \(function) \(name)

            """
    }

    private func pattern(_ node: CompletionNode, _ words: [String]) -> String {
        words.map { singleQuoted("\(node.node.command):\($0)") }.joined(separator: " | ")
    }

    private func descents(_ node: CompletionNode) -> [String] {
        node.children.map {
            "            \(pattern(node, $0.names))) command=\(singleQuoted($0.node.command)) arguments=0 ;;"
        }
    }

    /// The options whose value follows; `prev` names the one that is open before the cursor.
    private func valuedOptions(_ nodes: [CompletionNode]) -> String {
        let patterns = nodes.flatMap { node in
            node.options.filter { $0.kind == .option }.map { pattern(node, $0.names.map(\.description)) }
        }
        guard !patterns.isEmpty else { return "" }
        return """

                        \(alternatives(patterns, indent: 12)))
                            prev="$word"
                            [[ ${COMP_WORDS[index]} == "=" ]] && ((index < COMP_CWORD)) && index+=1
                            ((index < COMP_CWORD)) && prev="" && index+=1
                            ;;
            """
    }

    /// The values of options, those that are completed alike together.
    private func optionValues(_ nodes: [CompletionNode]) -> [String] {
        var groups: [(action: String, patterns: [String])] = []
        for node in nodes {
            for option in node.options where option.kind == .option {
                let action = action(option.value.completion)
                let pattern = pattern(node, option.names.map(\.description))
                if let index = groups.firstIndex(where: { $0.action == action }) {
                    groups[index].patterns.append(pattern)
                } else {
                    groups.append((action, [pattern]))
                }
            }
        }
        return groups.map { group in
            """
                    \(alternatives(group.patterns, indent: 8)))
                        \(group.action)
                        return
                        ;;
            """
        }
    }

    private func alternatives(_ patterns: [String], indent: Int) -> String {
        patterns.joined(separator: " | \\\n" + String(repeating: " ", count: indent))
    }

    private func optionNames(_ node: CompletionNode) -> String {
        let names = node.options.flatMap(\.names) + node.builtInOptions.flatMap(\.names)
        let words = names.map { singleQuoted($0.description) }.joined(separator: " ")
        return "            \(singleQuoted(node.node.command))) \(root.functionName)_words \(words) ;;"
    }

    private func arguments(_ node: CompletionNode) -> [String] {
        var actions: [(at: String, action: String)] = []
        for (index, positional) in node.positionals.enumerated() where !positional.isHidden {
            // Patterns are tried in order, so the numbers before have been taken.
            actions.append((positional.isRepeating ? "*" : "\(index)", action(positional.value.completion)))
        }
        if !node.children.isEmpty {
            let names = node.children.map { singleQuoted($0.node.name) }.joined(separator: " ")
            let offer = "\(root.functionName)_words \(names)"
            if let first = actions.first {
                actions[0].action = "\(offer); \(first.action)"
            } else {
                actions.append(("0", offer))
            }
        }
        return actions.map { entry in
            let pattern = singleQuoted("\(node.node.command):") + entry.at
            return "        \(pattern)) \(entry.action) ;;"
        }
    }

    private func action(_ completion: CompletionKind) -> String {
        let function = root.functionName
        switch completion {
        case .none: return ":"
        // Readline's own completion of paths, used when nothing is offered, knows best how to quote them.
        case .default, .file(extensions: []): return "compopt -o default"
        case .directory: return "compopt -o dirnames"
        case .file(let extensions):
            return "\(function)_files " + extensions.map(singleQuoted).joined(separator: " ")
        case .list(let words):
            return "\(function)_words " + words.map(singleQuoted).joined(separator: " ")
        }
    }
}
