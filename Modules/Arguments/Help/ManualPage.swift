/// The frame of a manual page: what its header and footer say, and the sections after the commands.
package struct ManualPage: Sendable {
    /// A section that the command line's description cannot supply, such as EXIT STATUS or FILES.
    package struct Section: Sendable {
        package enum Block: Sendable {
            case paragraph(String)
            /// A term in bold with its explanation below.
            case item(String, String)
        }

        package let title: String
        package let blocks: [Block]

        package init(title: String, blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    package let date: String
    package let source: String
    package let sections: [Section]

    /// - Parameters:
    ///   - date: of the last change, `YYYY-MM-DD`; given, so that builds can be repeated.
    ///   - source: name and version of the package.
    ///   - sections: follow the commands in this order.
    package init(date: String, source: String, sections: [Section] = []) {
        self.date = date
        self.source = source
        self.sections = sections
    }
}

/// Writes man(7) macros: one page for the whole tree, a subsection for each command.
struct ManualWriter {
    private(set) var text = ""

    init(root: CommandNode, page: ManualPage) {
        let header = [root.name.uppercased(), "1", page.date, page.source, "User Commands"].map(Self.quote)
        line(".TH " + header.joined(separator: " "))
        line(".SH NAME")
        // A name line has no full stop by custom.
        let abstract = root.configuration.abstract
        let summary = abstract.hasSuffix(".") ? String(abstract.dropLast()) : abstract
        line("\(Self.escape(root.name)) \\- \(Self.escape(summary))")
        line(".SH SYNOPSIS")
        writeSynopsis(of: root)
        if !root.configuration.discussion.isEmpty {
            line(".SH DESCRIPTION")
            paragraphs(root.configuration.discussion)
        }
        writeArguments(of: root)
        if !root.visibleChildren.isEmpty {
            line(".SH COMMANDS")
            for child in root.visibleChildren { writeCommand(child) }
        }
        writeExamples(of: root, heading: ".SH EXAMPLES")
        for section in page.sections { write(section) }
    }

    private mutating func writeCommand(_ node: CommandNode) {
        line(".SS " + Self.quote(node.path.dropFirst().joined(separator: " ")))
        writeSynopsis(of: node)
        paragraphs(node.configuration.abstract + "\n\n" + node.configuration.discussion)
        if !node.configuration.aliases.isEmpty {
            paragraphs("Also: " + node.configuration.aliases.joined(separator: ", "))
        }
        for definition in node.visiblePositionals + node.visibleOptions { write(definition) }
        writeExamples(of: node, heading: ".PP\nExamples:")
        for child in node.visibleChildren { writeCommand(child) }
    }

    /// Only the root has its options under headings; those of a command follow its description.
    private mutating func writeArguments(of root: CommandNode) {
        for section in root.argumentSections {
            line(".SH " + Self.quote(section.title))
            for entry in section.entries { item(Self.markup(entry.label), entry.text) }
        }
    }

    private mutating func writeSynopsis(of node: CommandNode) {
        for (index, usage) in node.usageLines.enumerated() {
            line(index == 0 ? ".PP" : ".br")
            // The command in bold, then its arguments with their values in italics.
            line("\\fB\(Self.escape(node.command))\\fR" + Self.markup(String(usage.dropFirst(node.command.count))))
        }
    }

    private mutating func writeExamples(of node: CommandNode, heading: String) {
        guard !node.configuration.examples.isEmpty else { return }
        line(heading)
        for example in node.configuration.examples {
            line(".PP")
            line(Self.escape(example.description))
            line(".RS 4")
            line(".EX")
            line(Self.escape(example.command))
            line(".EE")
            line(".RE")
        }
    }

    private mutating func write(_ definition: ArgumentDefinition) {
        item(Self.markup(definition.label), definition.helpDescription + "\n\n" + definition.help.discussion)
    }

    private mutating func write(_ section: ManualPage.Section) {
        line(".SH " + Self.quote(section.title))
        for block in section.blocks {
            switch block {
            case .paragraph(let text): paragraphs(text)
            case .item(let term, let text): item("\\fB\(Self.escape(term))\\fR", text)
            }
        }
    }

    /// - Parameter term: roff already.
    private mutating func item(_ term: String, _ text: String) {
        line(".TP")
        line(term)
        for (index, paragraph) in text.paragraphs.enumerated() {
            if index > 0 { line(".IP") }
            line(Self.escape(paragraph))
        }
    }

    private mutating func paragraphs(_ text: String) {
        for paragraph in text.paragraphs {
            line(".PP")
            line(Self.escape(paragraph))
        }
    }

    private mutating func line(_ line: String) {
        text += line + "\n"
    }

    // MARK: Escapes, see groff_char(7) and man(7)

    /// Text that roff prints as it is, dashes and quotes included, so that commands can be copied from the page.
    private static func escape(_ text: String) -> String {
        let escaped = text.escaping([
            "\\": "\\(rs", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti",
        ])
        // A dot at the start of a line begins a request. (An apostrophe would too, but is escaped already.)
        return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
    }

    /// An argument of a macro.
    private static func quote(_ text: String) -> String {
        "\"" + escape(text).escaping(["\"": "\\(dq"]) + "\""
    }

    /// Options in bold and `<values>` in italics without their brackets.
    private static func markup(_ synopsis: String) -> String {
        var result = ""
        var word = ""
        func flush() {
            result += word.hasPrefix("-") ? "\\fB\(escape(word))\\fR" : escape(word)
            word = ""
        }
        for letter in synopsis {
            switch letter {
            case "<":
                flush()
            case ">":
                result += "\\fI\(escape(word))\\fR"
                word = ""
            case " ", ",", "[", "]":
                flush()
                result.append(letter)
            default:
                word.append(letter)
            }
        }
        flush()
        return result
    }
}
