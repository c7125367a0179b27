/// `text` as one component of a path: at most `limit` bytes of UTF-8 cut between scalars, without slash and controls.
///
/// The limit leaves room for what names get behind it: an extension, ` (12)`.
package func pathComponent(_ text: String, limit: Int = 200) -> String {
    func isKept(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f && byte != UInt8(ascii: "/") }
    if text.utf8.count <= limit, text.utf8.first != UInt8(ascii: "."), !text.isEmpty, text.utf8.allSatisfy(isKept) {
        return text
    }
    var component = ""
    var size = 0
    for scalar in text.unicodeScalars {
        let kept: Unicode.Scalar = scalar.isASCII && !isKept(UInt8(scalar.value)) ? "_" : scalar
        size += UTF8.width(kept)
        if size > limit { break }
        component.unicodeScalars.append(kept)
    }
    return component.isEmpty || component == "." || component == ".." ? "_" : component
}

/// `text` with its usual Latin letters taken apart into base and mark, as file names from old Macintosh volumes are.
///
/// Not the whole of NFD: the letters of the catalogue's vocabulary that have one mark.
package func decomposed(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        if let parts = decompositions[scalar] {
            result += parts
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

private let decompositions: [Unicode.Scalar: String] = {
    let marks: [(mark: String, letters: String, bases: String)] = [
        ("\u{300}", "àèìòùÀÈÌÒÙ", "aeiouAEIOU"),
        ("\u{301}", "áéíóúýńśÁÉÍÓÚÝŃŚ", "aeiouynsAEIOUYNS"),
        ("\u{302}", "âêîôûÂÊÎÔÛ", "aeiouAEIOU"),
        ("\u{303}", "ãñõÃÑÕ", "anoANO"),
        ("\u{308}", "äëïöüÄËÏÖÜ", "aeiouAEIOU"),
        ("\u{30a}", "åÅ", "aA"),
        ("\u{30c}", "čřšžČŘŠŽ", "crszCRSZ"),
        ("\u{327}", "çÇ", "cC"),
    ]
    var table: [Unicode.Scalar: String] = [:]
    for (mark, letters, bases) in marks {
        for (letter, base) in zip(letters.unicodeScalars, bases.unicodeScalars) { table[letter] = String(base) + mark }
    }
    return table
}()
