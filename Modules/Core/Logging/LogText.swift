/// How an event looks as a line of text.
struct LogTextStyle: Hashable, Sendable {
    /// Off where the reader of the stream adds its own.
    var time = true
    var color = false
}

extension LogEvent {
    /// `2026-11-20T19:42:42.123Z info     fuse: message key=value`, without a line's end.
    func line(_ style: LogTextStyle) -> String {
        var line = style.time ? CalendarTime(nanoseconds: time).rfc3339 + " " : ""
        let name = level.description
        let padded = name + String(repeating: " ", count: max(0, 8 - name.utf8.count))
        line += style.color ? "\u{1b}[\(level.color)m\(padded)\u{1b}[0m " : padded + " "
        return line + summary
    }

    /// `fuse: message key=value`.
    var summary: String { "\(escapeControls(label)): \(escapeControls(message))\(fieldText(metadata))" }
}

extension Logger.MetadataValue {
    /// The value as text: `[a, b]`, `{key: value}`. Not escaped.
    var text: String {
        switch self {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
        case .dictionary(let metadata):
            "{" + metadata.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ")
                + "}"
        }
    }
}

/// ` key=value key="a value"` in the order of the keys.
private func fieldText(_ metadata: Logger.Metadata) -> String {
    metadata.sorted { $0.key < $1.key }.reduce(into: "") { text, field in
        text += " \(escapeControls(field.key))=\(quoteIfNeeded(field.value.text))"
    }
}

private func quoteIfNeeded(_ value: String) -> String {
    let isPlain =
        !value.isEmpty
        && value.utf8.allSatisfy { byte in
            byte > 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
        }
    if isPlain { return escapeControls(value) }
    var result = "\""
    for scalar in value.unicodeScalars {
        if scalar == "\"" || scalar == "\\" { result += "\\" }
        result.unicodeScalars.append(scalar)
    }
    return escapeControls(result) + "\""
}

extension Logger.Level {
    /// Parameters of the terminal's SGR sequence.
    fileprivate var color: String {
        switch self {
        case .trace, .debug: "2"
        case .info: "0"
        case .notice: "1"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }
}
