extension LogEvent {
    /// The event as one JSON object on one line, without the line's end; metadata values are strings.
    var json: String {
        var text = "{\"time\":\"\(CalendarTime(nanoseconds: time).rfc3339)\",\"level\":\"\(level)\",\"module\":"
        text += quote(label) + ",\"message\":" + quote(message)
        if !metadata.isEmpty { text += ",\"metadata\":" + encode(metadata) }
        return text + "}"
    }
}

private func encode(_ metadata: Logger.Metadata) -> String {
    let fields = metadata.sorted { $0.key < $1.key }.map { quote($0.key) + ":" + encode($0.value) }
    return "{" + fields.joined(separator: ",") + "}"
}

private func encode(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): quote(text)
    case .stringConvertible(let value): quote(value.description)
    case .array(let values): "[" + values.map(encode).joined(separator: ",") + "]"
    case .dictionary(let metadata): encode(metadata)
    }
}

/// A JSON string (RFC 8259, section 7); control characters beyond those that must be escaped are too, since lines
/// are also read in terminals.
private func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}"..."\u{202e}", "\u{2066}"..."\u{2069}":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
