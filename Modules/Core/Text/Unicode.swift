import CUnistring

/// What of Unicode MusicFS needs, through libunistring (gnu.org/software/libunistring). ASCII never gets there.
package enum UnicodeText {
    /// Normalisation form C (UAX 15).
    package static func composed(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        return unsafe converted(text) { source, count, length in
            unsafe u8_normalize(musicfs_nfc(), source, count, nil, length)
        }
    }

    package static func uppercased(_ text: String) -> String {
        unsafe converted(text) { source, count, length in
            unsafe u8_toupper(source, count, nil, musicfs_nfc(), nil, length)
        }
    }

    package static func lowercased(_ text: String) -> String {
        unsafe converted(text) { source, count, length in
            unsafe u8_tolower(source, count, nil, musicfs_nfc(), nil, length)
        }
    }

    /// Every word with a capital letter first.
    package static func titlecased(_ text: String) -> String {
        unsafe converted(text) { source, count, length in
            unsafe u8_totitle(source, count, nil, musicfs_nfc(), nil, length)
        }
    }

    /// Compatibility decomposition: accents become characters of their own.
    package static func decomposed(_ text: String) -> String {
        unsafe converted(text) { source, count, length in
            unsafe u8_normalize(musicfs_nfkd(), source, count, nil, length)
        }
    }

    /// ASCII that looks like the text: accents go, a few letters are spelt out, the rest becomes `?`.
    package static func asciified(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var result = ""
        for scalar in decomposed(text).unicodeScalars {
            if scalar.isASCII {
                result.unicodeScalars.append(scalar)
            } else if let spelt = spellings[scalar] {
                result += spelt
            } else if scalar.properties.generalCategory != .nonspacingMark {
                result += "?"
            }
        }
        return result
    }

    private static let spellings: [Unicode.Scalar: String] = [
        "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "đ": "d", "Đ": "D", "ð": "d",
        "Ð": "D", "þ": "th", "Þ": "TH", "ł": "l", "Ł": "L", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng", "Ŋ": "NG",
        "‘": "'", "’": "'", "“": "\"", "”": "\"", "–": "-", "—": "-", "‐": "-", "⁄": "/",
    ]

    /// Lends the text as UTF-8 and takes what the function allocates; the text itself where that fails.
    private static func converted(
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
