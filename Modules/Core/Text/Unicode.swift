import CUnistring

/// What of Unicode MusicFS needs, through libunistring (gnu.org/software/libunistring). ASCII never gets there.
package enum UnicodeText {
    /// Normalisation form C (UAX 15).
    package static func composed(_ text: String) -> String {
        if isPlainlyComposed(text) { return text }
        return unsafe converted(text) { source, count, length in
            unsafe u8_normalize(musicfs_nfc(), source, count, nil, length)
        }
    }

    /// Whether the text is in normalisation form C because every scalar of it is, whatever its neighbours are: Latin,
    /// Greek, Cyrillic, kana, Chinese characters, Hangul syllables, and the quotation marks and dashes of U+2010 to U+2027.
    private static func isPlainlyComposed(_ text: String) -> Bool {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return true }
        return text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0..<0x300, 0x388..<0x482, 0x2010..<0x2028, 0x3041..<0x3097, 0x30a1..<0x30fb, 0x4e00..<0xa000,
                0xac00..<0xd7a4:
                true
            default: false
            }
        }
    }

    package static func uppercased(_ text: String) -> String {
        unsafe mapped(text, ascii: { $0 >= 0x61 && $0 <= 0x7a ? $0 - 0x20 : $0 }) { source, count, length in
            unsafe u8_toupper(source, count, nil, musicfs_nfc(), nil, length)
        }
    }

    package static func lowercased(_ text: String) -> String {
        unsafe mapped(text, ascii: { $0 >= 0x41 && $0 <= 0x5a ? $0 + 0x20 : $0 }) { source, count, length in
            unsafe u8_tolower(source, count, nil, musicfs_nfc(), nil, length)
        }
    }

    /// Every word (what white space separates) with a capital letter first, behind its punctuation, and small ones after
    /// it: `(LIVE) rock-n-roll` → `(Live) Rock-n-roll`.
    package static func titlecased(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while !rest.isEmpty {
            let start = rest.firstIndex { $0.isLetter || $0.isNumber } ?? rest.endIndex
            result += rest[..<start]
            let end = rest[start...].firstIndex(where: separatesWords) ?? rest.endIndex
            if start < end {
                let second = rest.index(after: start)
                result += capitalised(String(rest[start..<second])) + lowercased(String(rest[second..<end]))
            }
            rest = rest[end...]
        }
        return result
    }

    private static func separatesWords(_ character: Character) -> Bool { character.isWhitespace || character == "\0" }

    private static func capitalised(_ letter: String) -> String {
        unsafe mapped(letter, ascii: { $0 >= 0x61 && $0 <= 0x7a ? $0 - 0x20 : $0 }) { source, count, length in
            unsafe u8_totitle(source, count, nil, musicfs_nfc(), nil, length)
        }
    }

    /// Replaces each byte of what is ASCII by itself, and leaves the rest to libunistring.
    private static func mapped(
        _ text: String, ascii map: (UInt8) -> UInt8,
        _ body: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Int>) -> UnsafeMutablePointer<UInt8>?
    ) -> String {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return unsafe converted(text, body) }
        return String(decoding: text.utf8.map(map), as: UTF8.self)
    }

    /// ASCII that looks like the text: accents go, a few letters are spelt out, the rest becomes `?`.
    package static func asciified(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        let decomposed = unsafe converted(text) { source, count, length in
            unsafe u8_normalize(musicfs_nfkd(), source, count, nil, length)
        }
        var result = ""
        for scalar in decomposed.unicodeScalars {
            if scalar.isASCII {
                result.unicodeScalars.append(scalar)
            } else if let spelt = spellings[scalar] {
                result += spelt
            } else if !isInvisible(scalar) {
                result += "?"
            }
        }
        return result
    }

    /// Accents, joiners and the like, which have no look of their own.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .format: true
        default: false
        }
    }

    private static let spellings: [Unicode.Scalar: String] = [
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "đ": "d", "Đ": "D",
        "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ł": "l", "Ł": "L", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng",
        "Ŋ": "NG",
        "‘": "'", "’": "'", "‚": "'", "“": "\"", "”": "\"", "„": "\"", "«": "\"", "»": "\"", "–": "-", "—": "-",
        "−": "-",
        "‐": "-", "⁄": "/", "×": "x", "•": "*", "·": ".", "¡": "!", "¿": "?", "€": "EUR", "£": "GBP", "©": "(c)",
        "®": "(r)",
    ]

    /// Lends the text as UTF-8 and takes what the function allocates; the text itself where that fails.
    static func converted(
        _ text: String, _ body: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Int>) -> UnsafeMutablePointer<UInt8>?
    ) -> String {
        var text = text
        if text.isEmpty { return text }
        return text.withUTF8 { utf8 in
            guard let source = utf8.baseAddress else { return "" }
            var length = 0
            guard let result = unsafe body(source, utf8.count, &length) else {
                return unsafe String(decoding: utf8, as: UTF8.self)
            }
            defer { unsafe musicfs_unistring_free(result) }
            return unsafe String(decoding: UnsafeBufferPointer(start: result, count: length), as: UTF8.self)
        }
    }
}
