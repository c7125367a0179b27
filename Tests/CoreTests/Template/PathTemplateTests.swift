import MusicFSCore
import TestSupport
import Testing

@Suite struct PathTemplateTests {
    private func path(
        _ template: String? = nil, _ values: [TagField: String], multidisc: Bool = false,
        file: String = "file.flac", format: String = "flac"
    ) throws -> String {
        let template = try template.map { try PathTemplate(parsing: $0) } ?? .standard
        let tags = Tags(entries: values.map { Tags.Entry($0.key, $0.value) })
        return template.path(
            for: TemplateInput(tags: tags, multidisc: multidisc, fileName: file, format: format)
        ).joined(separator: "/")
    }

    @Test func theDefaultLayout() throws {
        let tags: [TagField: String] = [
            .artist: "Metallica", .album: "Master of Puppets", .date: "1986-03-03", .track: "1", .title: "Battery",
        ]
        #expect(try path(nil, tags) == "Metallica/Master of Puppets (1986) [FLAC]/01 - Battery.flac")
        #expect(
            try path(nil, tags.merging([.disc: "2"]) { $1 }, multidisc: true)
                == "Metallica/Master of Puppets (1986) [FLAC]/2-01 - Battery.flac")
    }

    @Test func missingTags() throws {
        #expect(
            try path(nil, [:], file: "some song.mp3", format: "mp3")
                == "Unknown Artist/Unknown Album [MP3]/some song.mp3")
        #expect(try path("$year/$genre/$track $disc $title", [:]) == "Unknown/Unknown/00 1 file.flac")
        #expect(try path("%if{$genre,yes,no}/$title", [:]) == "no/file.flac")
    }

    @Test func compilations() throws {
        #expect(
            try path("$albumartist/$title", [.compilation: "1", .artist: "X", .title: "T"]) == "Various Artists/T.flac")
        #expect(
            try path("$albumartist/$title", [.albumArtist: "Y", .compilation: "1", .artist: "X", .title: "T"])
                == "Y/T.flac")
    }

    @Test(arguments: [
        ("%upper{$artist}", "MOTÖRHEAD.flac"), ("%lower{$artist}", "motörhead.flac"),
        ("%asciify{$artist}", "Motorhead.flac"), ("%left{$artist,3}", "Mot.flac"), ("%right{$artist,4}", "head.flac"),
        ("%the{The $artist}", "Motörhead, The.flac"), ("%first{a; b}", "a.flac"), ("%title{one two}", "One Two.flac"),
        ("$$ %% $, $}", "$ % , }.flac"), ("${artist}x", "Motörheadx.flac"), ("%if{0,a,b}", "b.flac"),
        ("%if{$artist,%if{$genre,x,y}}", "y.flac"), ("%if{$artist,a/b}", "a/b.flac"), ("//x//y", "x/y.flac"),
    ]) func functionsAndLiterals(template: String, expected: String) throws {
        #expect(try path(template, [.artist: "Moto\u{308}rhead"]) == expected)
    }

    @Test(arguments: [
        ("AC/DC", "AC_DC"), ("..", "_."), (".", "_"), ("  ", "_"), ("", "Unknown Artist"), ("a\u{0}b\nc", "a_b_c"),
        ("$title", "$title"), ("%upper{x}", "%upper{x}"), (".hidden", "_hidden"), ("a\u{202e}b", "ab"),
        ("שלום", "שלום"), ("e\u{301}", "é"), ("a:b*c?d\"e<f>g|h\\i", "a_b_c_d_e_f_g_h_i"), ("C1\u{85}x", "C1_x"),
    ]) func hostileValues(value: String, expected: String) throws {
        #expect(try path("$artist/$title", [.artist: value, .title: "t"]) == "\(expected)/t.flac")
    }

    @Test(arguments: [
        ("", 1), ("$artst", 1), ("x $", 3), ("%nope{a}", 1), ("%upper", 1), ("%upper{a", 1), ("%if{a}", 1),
        ("a/%left{$title}", 3), ("${artist", 1), ("50% off", 3),
    ]) func errorsNameTheColumn(template: String, column: Int) {
        #expect { try PathTemplate(parsing: template) } throws: { ($0 as? TemplateError)?.column == column }
    }

    @Test func errorsSuggestTheNearestName() {
        #expect { try PathTemplate(parsing: "$albumartst") } throws: { "\($0)".contains("$albumartist") }
    }

    @Test func multidiscIsKnownFromTheText() throws {
        #expect(PathTemplate.standard.usesMultidisc)
        #expect(try !PathTemplate(parsing: "$artist/$title").usesMultidisc)
    }

    /// Whatever the tags and the template, every component can be a name.
    @Test(arguments: 0..<20) func componentsAreAlwaysSafe(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "$artist", "$title", "/", "%if{$album,$album/,x}", "%left{$title,250}", "%right{$artist,3}", " ", ".", "..",
            "%upper{$title}", "%asciify{$artist}", "[$format_upper]", "%the{$artist}", "é",
        ]
        let letters: [Unicode.Scalar] = [
            "a", "/", ".", " ", "\u{0}", "\n", "é", "\u{301}", "ש", "\u{202e}", "漢", "😀", "\\", "\u{2028}", "$", "%",
            "{", "}",
        ]
        for _ in 0..<300 {
            func text() -> String {
                String(
                    String.UnicodeScalarView(
                        (0..<Int.random(in: 0...200, using: &random)).map { _ in
                            letters.randomElement(using: &random) ?? "a"
                        }))
            }
            let template = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? "x"
            }.joined()
            let tags = Tags(entries: [
                Tags.Entry(.artist, text()), Tags.Entry(.title, text()), Tags.Entry(.album, text()),
            ])
            let components = try PathTemplate(parsing: template).path(
                for: TemplateInput(tags: tags, multidisc: false, fileName: text(), format: "flac"))
            #expect(!components.isEmpty)
            for component in components {
                let bytes = Array(component.utf8)
                let isSafe =
                    (1...255).contains(bytes.count) && component != "." && component != ".." && bytes.first != 0x2e
                    && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x2f && $0 != 0x7f }
                #expect(isSafe, "template \(template), component \(component.debugDescription)")
                #expect(UnicodeText.composed(component) == component)
            }
            #expect(components.last?.utf8.suffix(5).elementsEqual(".flac".utf8) == true, "\(template) \(components)")
        }
    }

    /// A parser that traps would take the daemon down with a configuration file.
    @Test func mutatedTemplatesEndInAnErrorWithAColumn() {
        var random = SeededGenerator(seed: 7)
        let alphabet = Array("$%{},/ab _artistif()\u{e9}")
        for _ in 0..<5000 {
            var text = Array(PathTemplate.standard.source)
            for _ in 0..<Int.random(in: 1...8, using: &random) where !text.isEmpty {
                let index = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text.remove(at: index)
                case 1: text.insert(alphabet.randomElement(using: &random) ?? "$", at: index)
                default: text[index] = alphabet.randomElement(using: &random) ?? "%"
                }
            }
            do throws(TemplateError) {
                _ = try PathTemplate(parsing: String(text))
            } catch { #expect((1...(text.count + 1)).contains(error.column)) }
        }
        #expect(throws: TemplateError.self) {
            try PathTemplate(parsing: String(repeating: "%upper{", count: 500))
        }
    }
}
