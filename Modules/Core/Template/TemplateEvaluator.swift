/// Fills a template in with one track's tags.
struct TemplateEvaluator {
    let input: TemplateInput

    func write(_ nodes: [TemplateNode], to writer: inout PathWriter) {
        for node in nodes {
            switch node {
            case .literal(let text): writer.write(literal: text)
            case .variable(let variable): writer.write(value: value(variable) ?? defaultValue(variable))
            case .condition(let condition, let then, let otherwise):
                write(holds(condition) ? then : otherwise, to: &writer)
            case .call: writer.write(value: text([node], missing: defaultValue))
            }
        }
    }

    /// As in beets: not empty, and not zero.
    private func holds(_ condition: [TemplateNode]) -> Bool {
        let text = text(condition) { _ in "" }
        guard text.contains(where: { !$0.isWhitespace }) else { return false }
        return Int(text).map { $0 != 0 } ?? true
    }

    /// Nodes as a plain text, for a function's argument or a condition.
    private func text(_ nodes: [TemplateNode], missing: (TemplateVariable) -> String) -> String {
        var result = ""
        for node in nodes {
            switch node {
            case .literal(let text): result += text
            case .variable(let variable): result += value(variable) ?? missing(variable)
            case .condition(let condition, let then, let otherwise):
                result += text(holds(condition) ? then : otherwise, missing: missing)
            case .call(let function, let arguments):
                result += function.apply(arguments.map { text($0, missing: missing) })
            }
        }
        return result
    }

    /// A variable's value; nil where the tag is missing.
    private func value(_ variable: TemplateVariable) -> String? {
        let tags = input.tags
        switch variable {
        case .tag(.track): return tags.number(.track).map { $0 < 10 ? "0\($0)" : "\($0)" }
        case .tag(.disc), .tag(.discTotal), .tag(.trackTotal):
            guard case .tag(let field) = variable else { return nil }
            return tags.number(field).map(String.init)
        case .tag(let field): return tags.first(field)
        case .albumArtist:
            return tags.first(.albumArtist) ?? (tags.isCompilation ? "Various Artists" : tags.first(.artist))
        case .multidisc: return input.multidisc ? "1" : nil
        case .year: return tags.year.map(String.init)
        case .format: return input.format
        case .formatUpper: return input.format.uppercased()
        }
    }

    /// What stands for a missing tag (D3).
    private func defaultValue(_ variable: TemplateVariable) -> String {
        switch variable {
        case .tag(.artist), .tag(.albumArtist), .albumArtist: "Unknown Artist"
        case .tag(.album): "Unknown Album"
        case .tag(.title): titleFromFileName
        case .tag(.track): "00"
        case .tag(.disc): "1"
        case .tag(.genre), .tag(.date), .year: "Unknown"
        default: ""
        }
    }

    private var titleFromFileName: String {
        String(decoding: Names.split(Array(input.fileName.utf8)).stem, as: UTF8.self)
    }
}
