import MusicFSCore

/// Letters without their accents.
enum AccentFolding {
    /// The UTF-8 of a word in which `é` is `e`, `ø` is `o` and `æ` is `ae`.
    static func folded(_ word: String.UnicodeScalarView) -> [UInt8] {
        let text = String(word)
        if word.allSatisfy(\.isASCII) { return Array(text.utf8) }
        var result = String.UnicodeScalarView()
        for scalar in UnicodeText.decomposed(text).unicodeScalars where !isAccent(scalar) {
            if let spelt = spellings[scalar] {
                result.append(contentsOf: spelt.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        // What goes together and is no accent (voiced kana, the signs of Indic vowels) is composed again.
        return Array(UnicodeText.composed(String(result)).utf8)
    }

    /// Marks that readers leave out. Those of other scripts make other words: vowels of India, voiced kana.
    private static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // The general blocks of combining marks.
        case 0x300...0x36f, 0x1ab0...0x1aff, 0x1dc0...0x1dff, 0x20d0...0x20ff, 0xfe20...0xfe2f: true
        // Cyrillic, Hebrew, Arabic.
        case 0x483...0x489, 0x591...0x5bd, 0x5bf, 0x5c1, 0x5c2, 0x5c4, 0x5c5, 0x5c7, 0x610...0x61a, 0x64b...0x65f,
            0x670:
            true
        default: false
        }
    }

    /// Letters that Unicode does not take apart; small ones alone, case is folded before.
    private static let spellings: [Unicode.Scalar: String] = [
        "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h", "ŋ": "ng",
        "ŧ": "t", "ə": "e", "ƒ": "f",
    ]
}

extension Unicode.Scalar {
    /// Chinese, Japanese and Korean characters.
    var isWrittenWithoutSpaces: Bool {
        switch value {
        case 0x1100...0x11ff, 0x3005...0x3007, 0x3041...0x309a, 0x309d...0x309f, 0x30a1...0x30fa, 0x30fc...0x30ff,
            0x31f0...0x31ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xac00...0xd7a3, 0xf900...0xfaff, 0x20000...0x323af:
            true
        default: false
        }
    }

    var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    /// Letters, digits, marks, and symbols beyond ASCII; no punctuation, space, control or format character.
    var isPartOfWord: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .spacingMark, .enclosingMark:
            true
        // Variation selectors choose a look alone.
        case .nonspacingMark: !(0xfe00...0xfe0f).contains(value)
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: !isASCII
        default: false
        }
    }
}
