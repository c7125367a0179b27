/// Shows what could end a line, move the cursor or turn the reading direction as `\n` or `\u{1b}`, so that a tag or
/// a file's name can neither forge a line nor play with the reader's terminal.
package func escapeControls(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x09: result.append(contentsOf: "\\t".unicodeScalars)
        case 0x0a: result.append(contentsOf: "\\n".unicodeScalars)
        case 0x0d: result.append(contentsOf: "\\r".unicodeScalars)
        // C0, DEL and C1; line and paragraph separators; direction marks, embeddings, overrides and isolates.
        case ..<0x20, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069, 0x200e, 0x200f, 0x061c:
            result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        default: result.append(scalar)
        }
    }
    return String(result)
}
