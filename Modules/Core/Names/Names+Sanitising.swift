/// Making a tag's text safe as part of a name.
extension Names {
    /// The text without what has a meaning to file systems, shells or terminals: slashes, the characters that other
    /// systems forbid, control characters and line separators become `_`, marks that turn the direction of what follows
    /// go.
    ///
    /// Right-to-left text itself stays. The result is in normalisation form C.
    package static func sanitised(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && !isForbidden($0) }) { return text }
        if !text.unicodeScalars.contains(where: isReplaced) { return UnicodeText.composed(text) }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !turnsDirection(scalar) {
            result.append(isReplaced(scalar) ? "_" : scalar)
        }
        // Only now, since characters that compose may have had a mark between them. No composition makes anything of
        // the above.
        return UnicodeText.composed(String(result))
    }

    private static func isReplaced(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: true
        case 0x20..<0x7f: isForbidden(UInt8(scalar.value))
        default: turnsDirection(scalar)
        }
    }

    /// Marks, embeddings, overrides and isolates of UAX 9, and the mark of byte order, which cannot be seen either.
    private static func turnsDirection(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x200e, 0x200f, 0x061c, 0x202a...0x202e, 0x2066...0x2069, 0xfeff: true
        default: false
        }
    }

    private static func isForbidden(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":"), UInt8(ascii: "*"), UInt8(ascii: "?"),
            UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "|"):
            true
        default: false
        }
    }

    /// Without white space at both ends.
    static func trimmed(_ text: String) -> String {
        // What begins and ends with ASCII that is visible, as nearly all does, has none.
        guard let first = text.utf8.first, let last = text.utf8.last else { return text }
        if first > 0x20, first < 0x7f, last > 0x20, last < 0x7f { return text }
        let scalars = text.unicodeScalars
        let isWhite = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        guard isWhite(scalars[scalars.startIndex]) || scalars.last.map(isWhite) == true else { return text }
        guard let start = scalars.firstIndex(where: { !isWhite($0) }),
            let end = scalars.lastIndex(where: { !isWhite($0) })
        else { return "" }
        return String(scalars[start...end])
    }

    /// A path's component made of sanitised pieces: in normalisation form C, trimmed, never empty, never hidden.
    ///
    /// - Parameter limit: the most bytes that it may have; at least 4, so that any character has room.
    static func component(_ text: String, limit: Int = Names.limit) -> String {
        // Pieces may compose where they meet.
        var result = trimmed(UnicodeText.composed(text))
        // Covers "." and "..": a tag makes no hidden file and leads nowhere. Names with a dot are MusicFS's own.
        if result.utf8.first == UInt8(ascii: ".") {
            result = "_" + String(result.unicodeScalars.dropFirst())
        }
        if result.utf8.count > limit {
            result = trimmed(String(decoding: cut(Array(result.utf8)[...], limit), as: UTF8.self))
        }
        return result.isEmpty ? "_" : result
    }
}
