import MusicFSCatalogue
import MusicFSCore

/// A file that a careless program trips over.
struct EvilFile {
    enum Content {
        /// Real audio with tags.
        case audio(Tags)
        case bytes([UInt8])
    }

    /// Relative to the library's root; not always UTF-8.
    var path: [UInt8]
    var format: AudioFormat
    var content: Content

    /// Whether the name is one that no scanner should look at.
    var isHidden: Bool { path.split(separator: UInt8(ascii: "/")).last?.first == UInt8(ascii: ".") }
}

/// Everything under `Evil/`, in each of the formats: evil tags, evil names, broken files.
func evilFiles(_ formats: [AudioFormat], _ payloads: Payloads) -> [EvilFile] {
    var files: [EvilFile] = []
    for (slug, tags) in evilTags() {
        for format in formats {
            let path = Array("Evil/tags/\(slug)/\(slug).\(format.fileExtension)".utf8)
            files.append(EvilFile(path: path, format: format, content: .audio(tags)))
        }
    }
    for (number, name) in evilNames().enumerated() {
        let tags = Tags(entries: [
            .init(.title, "Evil Name \(number)"), .init(.artist, "Evil Names"), .init(.album, "Names"),
            .init(.track, String(number + 1)),
        ])
        for format in formats {
            let path = Array("Evil/names/".utf8) + name + Array(".\(format.fileExtension)".utf8)
            files.append(EvilFile(path: path, format: format, content: .audio(tags)))
        }
    }
    for format in formats {
        let audio = payloads.audio(format, seed: 0)
        for (name, bytes) in brokenContents(audio, payloads) {
            let path = Array("Evil/broken/\(name).\(format.fileExtension)".utf8)
            files.append(EvilFile(path: path, format: format, content: .bytes(bytes)))
        }
    }
    return files
}

private func brokenContents(_ audio: [UInt8], _ payloads: Payloads) -> [(String, [UInt8])] {
    [
        ("empty", []),
        ("one byte", [0]),
        ("text", Array("This is no audio.\n".utf8)),
        ("picture", payloads.pngCover),
        ("cut in half", Array(audio.prefix(audio.count / 2))),
        ("cut in the header", Array(audio.prefix(11))),
        ("zeros", [UInt8](repeating: 0, count: 5000)),
        // An ID3v2 tag that says it has 256 MiB, and a FLAC block that says it has 16 MiB.
        ("ID3 of 256 MiB", Array("ID3".utf8) + [4, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f] + audio.prefix(200)),
        ("FLAC block of 16 MiB", Array("fLaC".utf8) + [0x84, 0xff, 0xff, 0xff] + audio.prefix(200)),
    ]
}

private func evilTags() -> [(slug: String, tags: Tags)] {
    var cases: [(slug: String, tags: Tags)] = []
    /// A value for each of title, artist and album.
    func everywhere(_ slug: String, _ value: String) {
        cases.append((slug, Tags(entries: [.init(.title, value), .init(.artist, value), .init(.album, value)])))
    }
    func tags(_ slug: String, _ entries: Tags.Entry...) {
        let rest: [Tags.Entry] = [
            .init(.title, "Evil \(slug)"), .init(.artist, "Evil Artist"), .init(.album, "Evil Album"),
        ]
        let missing = rest.filter { entry in !entries.contains { $0.field == entry.field } }
        cases.append((slug, Tags(entries: entries + missing)))
    }
    everywhere("slash", "a/b//c/")
    everywhere("absolute", "/etc/passwd")
    everywhere("dot-dot", "..")
    everywhere("dot", ".")
    everywhere("traversal", "../../../../tmp/escaped")
    everywhere("dots", "...")
    everywhere("hidden", ".hidden")
    everywhere("variable", "$title")
    everywhere("braces", "${artist}$$%%$,$}")
    everywhere("function", "%if{$title,%upper{$album},%left{x,9999999999}}")
    everywhere("nul", "before\0after")
    everywhere("newline", "one\ntwo\r\nthree")
    everywhere("controls", "bell\u{7} escape\u{1b}[31m del\u{7f} c1\u{9b}")
    everywhere("empty", "")
    everywhere("spaces", "   ")
    everywhere("padded", "  padded  ")
    everywhere("trailing-dot", "trailing dot.")
    everywhere("shell", "$(id) `id` ; & | > < * ? ~ # ! \" '")
    everywhere("backslash", "C:\\Music\\..\\x")
    everywhere("reserved", "CON")
    everywhere("long-ascii", String(repeating: "x", count: 300))
    everywhere("long-cjk", String(repeating: "龍", count: 100))
    everywhere("long-combining", "e" + String(repeating: "\u{301}", count: 150))
    everywhere("long-emoji", String(repeating: "👩‍👩‍👧‍👦", count: 12))
    everywhere("very-long", String(repeating: "0123456789", count: 6000))
    everywhere("combining-alone", "\u{301}\u{308}")
    everywhere("stacked-marks", "Z\u{300}\u{301}\u{302}\u{303}\u{308}a\u{327}\u{328}l\u{334}\u{335}go")
    everywhere("rtl", "שלום عالم 123")
    everywhere("rtl-override", "song\u{202e}3pm.exe")
    everywhere("zero-width", "zero\u{200b}\u{200d}\u{feff}width")
    everywhere("line-separators", "a\u{2028}b\u{2029}c\u{85}d")
    // U+E000, U+FDD0, U+FFFF: literals may not name the last two.
    everywhere(
        "noncharacters", String(decoding: [0xee, 0x80, 0x80, 0xef, 0xb7, 0x90, 0xef, 0xbf, 0xbf], as: UTF8.self))
    everywhere("replacement", "caf\u{fffd}")
    everywhere("double-encoded", "CafÃ©")
    everywhere("fullwidth-slash", "a／b∕c⁄d")
    everywhere("turkish", "Iİıi")
    everywhere("sharp-s", "STRASSE straße STRAẞE")
    everywhere("ligature", "ﬁnale Ǆ")
    everywhere("hangul-jamo", "\u{1112}\u{1161}\u{11ab}")
    everywhere("xml", "<b>&amp;</b>")
    everywhere("json", "\"},{\"\\u0000")
    everywhere("sql", "'; DROP TABLE tracks; --")
    everywhere("extension", "song.flac")
    everywhere("default", "Unknown Artist")
    cases.append(("no-tags", Tags()))
    for (slug, title) in [("same-nfc", "Caf\u{e9}"), ("same-nfd", "Cafe\u{301}"), ("same-upper", "CAFÉ")] {
        tags(slug, .init(.title, title), .init(.album, "Evil Twins"))
    }
    for (slug, artist) in [("same-slash", "AC/DC"), ("same-underscore", "AC_DC")] {
        tags(slug, .init(.title, "Same"), .init(.artist, artist), .init(.album, "Same"))
    }
    tags("album-is-file", .init(.album, "Evil album-is-file.flac"))
    tags("track-huge", .init(.track, "99999999999999999999"))
    tags("track-negative", .init(.track, "-1"))
    tags("track-zero", .init(.track, "0"))
    tags("track-text", .init(.track, "A1"))
    tags("track-fraction", .init(.track, "3/"))
    tags("disc-path", .init(.disc, "1/2/3"), .init(.track, "1/../2"))
    tags("date-zero", .init(.date, "0000"))
    tags("date-text", .init(.date, "nineteen/eighty/four"))
    tags("date-impossible", .init(.date, "2004-13-45T99:99:99"))
    tags("compilation-text", .init(.compilation, "maybe"))
    tags("genres", .init(.genre, ""), .init(.genre, "(17)"), .init(.genre, "17"), .init(.genre, "a/b; c, d"))
    cases.append(("many-artists", Tags(entries: (0..<500).map { .init(.artist, "Artist \($0)") })))
    cases.append(
        ("many-custom", Tags(custom: (0..<1000).map { .init("CUSTOM\($0)", String(repeating: "v", count: $0)) })))
    return cases
}

/// Names without their extension.
private func evilNames() -> [[UInt8]] {
    let texts = [
        "plain", "-rf", " leading space", "trailing space ", "trailing dot.", "$title", "%if{$title,x}", "${artist}",
        "quote\"'`$(id)", "semi;colon&pipe|", "back\\slash", "star*question?<>:", "CON", "tab\there", "new\nline",
        "carriage\rreturn", "escape\u{1b}[31mred", "del\u{7f}", "Caf\u{e9}", "Cafe\u{301}", "Song", "song", "SONG",
        "rtl\u{202e}3pm", "zero\u{200b}width", "\u{feff}bom", "👩‍👩‍👧‍👦", "日本語", "שלום", "عالم", "song.mp3", "cover.jpg",
        ".hidden", "._song", "~", "#", "(2)", "same (2)", "same",
        String(repeating: "x", count: 250), String(repeating: "龍", count: 83), String(repeating: "e\u{301}", count: 83),
        // A path of 2 KiB.
        (0..<10).map { "\($0)" + String(repeating: "deep", count: 50) }.joined(separator: "/"),
    ]
    let bytes: [[UInt8]] = [
        Array("latin-1 Caf".utf8) + [0xe9], Array("shift-jis ".utf8) + [0x93, 0xfa, 0x96, 0x7b],
        Array("cut ".utf8) + [0xe6, 0x97], Array("overlong slash ".utf8) + [0xc0, 0xaf],
        Array("surrogate ".utf8) + [0xed, 0xa0, 0x80], Array("never ".utf8) + [0xfe, 0xff],
        [0x80], (0x80...0xff).map { UInt8($0) },
        // A directory that is not UTF-8 either.
        [0xff, 0x2f, 0x61],
    ]
    return texts.map { Array($0.utf8) } + bytes
}
