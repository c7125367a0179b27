/// Making a tag's text safe as part of a name.
extension Names {
    /// The text without what has a meaning to file systems, shells or terminals: slashes, the characters that other
    /// systems forbid, control characters, line separators, and marks that turn the direction of what follows.
    ///
    /// Right-to-left text itself stays. The result is in normalisation form C.
    package static func sanitised(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && !isForbidden($0) }) { return text }
        var result = String.UnicodeScalarView()
        for scalar in UnicodeText.composed(text).unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: result.append("_")
            case 0x200e, 0x200f, 0x061c, 0x202a...0x202e, 0x2066...0x2069, 0xfeff: continue
            case 0..<0x80: result.append(isForbidden(UInt8(scalar.value)) ? "_" : scalar)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func isForbidden(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":"), UInt8(ascii: "*"), UInt8(ascii: "?"),
            UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "|"):
            true
        default: false
        }
    }

    /// A path's component made of sanitised pieces: trimmed, never empty, never hidden, at most 255 bytes.
    static func component(_ text: String) -> String {
        var slice = text[...]
        while let first = slice.first, first.isWhitespace { slice.removeFirst() }
        while let last = slice.last, last.isWhitespace { slice.removeLast() }
        var result = String(slice)
        if result.isEmpty { return "_" }
        // Covers "." and "..": a tag makes no hidden file and leads nowhere.
        if result.unicodeScalars.first == "." { result = "_" + String(result.unicodeScalars.dropFirst()) }
        if !result.utf8.allSatisfy({ $0 < 0x80 }) { result = UnicodeText.composed(result) }
        if result.utf8.count > limit { result = String(decoding: truncated(Array(result.utf8)), as: UTF8.self) }
        return result
    }
}
