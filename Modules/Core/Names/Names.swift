/// Names of files and directories in the tree: bytes, at most 255, mostly UTF-8.
package enum Names {
    /// The longest name that Linux file systems take, in bytes.
    package static let limit = 255

    /// The extensions of audio files (D20), in lower case.
    private static let audioExtensions: Set<String> = [
        "flac", "mp3", "ogg", "oga", "opus", "spx", "m4a", "m4b", "mp4", "aac", "wav", "aif", "aiff", "aifc", "wma",
        "asf", "wv", "ape", "mpc", "tta", "dsf", "dff",
    ]

    /// A name in two: before its extension, and the extension with its dot.
    ///
    /// An extension is what follows the last dot where that is 1 to 16 ASCII letters and digits; so no ` (2)` that is put
    /// behind a name ever becomes part of one. A dot at the beginning begins none.
    package static func split(_ name: [UInt8]) -> (stem: ArraySlice<UInt8>, ext: ArraySlice<UInt8>) {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex,
            (1...16).contains(name.count - dot - 1), name[(dot + 1)...].allSatisfy(isAlphanumeric)
        else { return (name[...], name[name.endIndex...]) }
        return (name[..<dot], name[dot...])
    }

    /// Whether the text, without a dot, can be an extension.
    static func isExtension(_ text: String) -> Bool {
        (1...16).contains(text.utf8.count) && text.utf8.allSatisfy(isAlphanumeric)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    /// The extension in lower case, without its dot; empty where there is none.
    package static func fileExtension(_ name: [UInt8]) -> String {
        let ext = split(name).ext.dropFirst().map { $0 >= 0x41 && $0 <= 0x5a ? $0 + 0x20 : $0 }
        return String(decoding: ext, as: UTF8.self)
    }

    package static func isAudio(_ name: [UInt8]) -> Bool { audioExtensions.contains(fileExtension(name)) }

    /// Names that are never shown: dotfiles, with them AppleDouble `._*`, and what file managers leave behind.
    package static func isIgnored(_ name: [UInt8]) -> Bool {
        if name.first == UInt8(ascii: ".") { return true }
        return name.elementsEqual("Thumbs.db".utf8) || name.elementsEqual("desktop.ini".utf8)
    }

    /// The name cut to 255 bytes between characters; the extension stays.
    package static func truncated(_ name: [UInt8]) -> [UInt8] {
        if name.count <= limit { return name }
        let (stem, ext) = split(name)
        return Array(cut(stem, limit - ext.count)) + ext
    }

    /// The longest prefix of at most `count` bytes that ends between two characters as people see them, where the bytes
    /// are UTF-8.
    static func cut(_ bytes: ArraySlice<UInt8>, _ count: Int) -> ArraySlice<UInt8> {
        if bytes.count <= count { return bytes }
        guard let text = String(validating: bytes, as: UTF8.self) else { return bytes.prefix(count) }
        var used = 0
        for character in text {
            let size = character.utf8.count
            if used + size > count { break }
            used += size
        }
        // One character alone may be longer than the room: then it is cut between its scalars.
        if used == 0 {
            for scalar in text.unicodeScalars {
                let size = UTF8.width(scalar)
                if used + size > count { break }
                used += size
            }
        }
        return bytes.prefix(used)
    }
}
