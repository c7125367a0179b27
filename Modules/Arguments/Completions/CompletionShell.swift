/// A shell that completions can be generated for.
package enum CompletionShell: String, CaseIterable, ExpressibleByArgument {
    case bash, zsh, fish
}

/// The command tree as the completions of any shell need it.
struct CompletionNode {
    let node: CommandNode
    let options: [ArgumentDefinition]
    let positionals: [ArgumentDefinition]
    let children: [CompletionNode]

    init(_ node: CommandNode) {
        // Words after a command that has a default subcommand may be meant for that.
        let defaultChild = node.defaultChild
        let own = node.options.filter { !$0.isHidden }
        let ownKeys = Set(own.map(\.key))
        let borrowed = (defaultChild?.visibleOptions ?? []).filter { !ownKeys.contains($0.key) }
        self.node = node
        options = own + borrowed
        positionals = node.positionals.isEmpty ? defaultChild?.positionals ?? [] : node.positionals
        children =
            node.visibleChildren.map { CompletionNode($0) }
            + (node.helpChild.map { [CompletionNode(help: $0, of: node)] } ?? [])
    }

    /// The help command, which completes to the names of its siblings.
    private init(help: CommandNode, of root: CommandNode) {
        node = help
        options = []
        positionals = help.positionals.map { definition in
            var definition = definition
            definition.value.completion = .list(root.visibleChildren.map(\.name))
            return definition
        }
        children = []
    }

    /// The name and the aliases.
    var names: [String] { [node.name] + node.configuration.aliases }
    var abstract: String { node.configuration.abstract }
    var builtInOptions: [(names: [OptionName], abstract: String)] { node.builtInOptions }
    /// A name for a shell function: letters, digits and underscores.
    var functionName: String {
        "_" + String(node.path.joined(separator: "_").map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }

    /// This command and all below it.
    var all: [CompletionNode] { [self] + children.flatMap(\.all) }
}

/// `text` as one word for bash and zsh.
func singleQuoted(_ text: String) -> String {
    "'" + text.escaping(["'": "'\\''"]) + "'"
}
