import MusicFSControl
import MusicFSCore

/// What collections may be called: each name is that of a directory too, and with `.m3u8` behind it that of a file.
enum CollectionName {
    static let maximumBytes = 200

    /// The name in normalisation form C.
    ///
    /// - Throws: `badRequest` where it cannot be one.
    static func checked(_ text: String) throws(ControlError) -> String {
        let name = UnicodeText.composed(text)
        func refuse(_ message: String, _ remedy: String) -> ControlError {
            ControlError(.badRequest, "a collection cannot be called \"\(shown(text))\": \(message)", remedy: remedy)
        }
        guard !name.utf8.isEmpty else { throw refuse("the name is empty", "choose another name") }
        guard name.utf8.count <= maximumBytes else {
            throw refuse("it has \(name.utf8.count) bytes", "at most \(maximumBytes) are allowed")
        }
        guard !name.hasPrefix(".") else { throw refuse("it begins with a dot", "choose a name without it") }
        guard !name.utf8.contains(UInt8(ascii: "/")) else { throw refuse("it has a slash", "choose a name without it") }
        guard !name.unicodeScalars.contains(where: isControl) else {
            throw refuse("it has a control character", "choose a name without it")
        }
        // What the command line and the control interface make of bytes that are none.
        guard !name.unicodeScalars.contains("\u{fffd}") else { throw refuse("it is not UTF-8", "write it in UTF-8") }
        guard name.unicodeScalars.first?.properties.isWhitespace == false,
            name.unicodeScalars.last?.properties.isWhitespace == false
        else { throw refuse("it begins or ends with a space", "choose a name without it") }
        guard !name.lowercased().hasSuffix(".m3u8") else {
            throw refuse("its playlist is called so", "choose a name without .m3u8")
        }
        return name
    }

    /// Those that mean something to terminals, and line separators.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: true
        default: false
        }
    }

    /// As much of it as an error shows.
    private static func shown(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(60).map { isControl($0) ? "\u{fffd}" : $0 }))
    }
}
