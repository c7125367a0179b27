/// Fills a template in with one track's tags.
struct TemplateEvaluator {
    let input: TemplateInput

    /// Bounds what a template can make of long tags (lyrics, say): characters of a value, and bytes of a text that is
    /// being put together. A component has 255 bytes in the end.
    private static let longestValue = 1024
    static let longestText = 4096

    func write(_ nodes: [TemplateNode], to writer: inout PathWriter) {
        for node in nodes {
            switch node {
            case .literal(let text): writer.write(literal: text)
            case .variable(let variable): writer.write(value: text(of: variable, inCondition: false))
            case .condition(let condition, let then, let otherwise):
                write(holds(condition) ? then : otherwise, to: &writer)
            case .call(let function, let arguments):
                writer.write(value: function.apply(arguments.map { text($0, inCondition: false) }))
            }
        }
    }

    /// As in beets: not empty, not zero and not `false`.
    private func holds(_ condition: [TemplateNode]) -> Bool {
        let text = Names.trimmed(text(condition, inCondition: true))
        if text.isEmpty || (text.utf8.count == 5 && UnicodeText.lowercased(text) == "false") { return false }
        return Int(text) != 0
    }

    /// Nodes as a plain text, for a function's argument or a condition.
    private func text(_ nodes: [TemplateNode], inCondition: Bool) -> String {
        var result = ""
        for node in nodes where result.utf8.count < TemplateEvaluator.longestText {
            switch node {
            case .literal(let text): result += text
            case .variable(let variable): result += text(of: variable, inCondition: inCondition)
            case .condition(let condition, let then, let otherwise):
                result += text(holds(condition) ? then : otherwise, inCondition: inCondition)
            case .call(let function, let arguments):
                result += function.apply(arguments.map { text($0, inCondition: inCondition) })
            }
        }
        return result
    }

    /// Inside a condition a missing tag is empty, elsewhere its default (D3).
    private func text(of variable: TemplateVariable, inCondition: Bool) -> String {
        value(variable) ?? (inCondition ? "" : defaultValue(variable))
    }

    /// A variable's value, sanitised and trimmed; nil where the tag is missing or nothing of it is left.
    private func value(_ variable: TemplateVariable) -> String? {
        let tags = input.tags
        switch variable {
        case .tag(.track): return tags.number(.track).map { $0 < 10 ? "0\($0)" : "\($0)" }
        case .tag(.disc), .tag(.discTotal), .tag(.trackTotal):
            guard case .tag(let field) = variable else { return nil }
            return tags.number(field).map(String.init)
        case .tag(let field): return clean(tags.first(field))
        case .albumArtist:
            return clean(tags.first(.albumArtist))
                ?? (tags.isCompilation ? "Various Artists" : clean(tags.first(.artist)))
        case .multidisc: return input.multidisc ? "1" : nil
        case .year: return tags.year.map(String.init)
        case .format: return clean(input.format)
        case .formatUpper: return clean(UnicodeText.uppercased(input.format))
        }
    }

    private func clean(_ value: String?) -> String? {
        guard var value else { return nil }
        if value.utf8.count > TemplateEvaluator.longestValue {
            value = String(value.unicodeScalars.prefix(TemplateEvaluator.longestValue))
        }
        value = Names.trimmed(Names.sanitised(value))
        return value.isEmpty ? nil : value
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
        clean(String(decoding: Names.split(Array(input.fileName.utf8)).stem, as: UTF8.self)) ?? ""
    }
}
