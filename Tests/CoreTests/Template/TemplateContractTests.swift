import MusicFSCore
import TestSupport
import Testing

/// The template language at its edges: what a value cannot do, what a template costs at most.
@Suite struct TemplateContractTests {
    private func components(
        _ template: String, _ values: [TagField: String] = [:], file: String = "file.flac", format: String = "flac"
    ) throws -> [String] {
        let tags = Tags(entries: values.map { Tags.Entry($0.key, $0.value) })
        return try PathTemplate(parsing: template).path(
            for: TemplateInput(tags: tags, multidisc: false, fileName: file, format: format))
    }

    @Test func theReferencesOwnExamples() throws {
        let reference = "$artist/$album ($year) [$format_upper]/$track - $title.$format"
        #expect(
            try components(reference, [.artist: "Artist", .track: "5", .title: "Track"], file: "t.mp3", format: "mp3")
                == ["Artist", "Unknown Album (Unknown) [MP3]", "05 - Track.mp3"])
        #expect(
            try components(
                "$genre/$artist - $album/$track $title.$format",
                [.genre: "Rock", .artist: "AC/DC", .album: "Back in Black", .track: "1/10", .title: "Hells Bells"])
                == ["Rock", "AC_DC - Back in Black", "01 Hells Bells.flac"])
    }

    @Test func theExtensionIsThereOnceAndSurvivesCutting() throws {
        #expect(try components("$title") == ["file.flac"])
        #expect(try components("$title.$format") == ["file.flac"])
        for unit in ["x", "漢", "e\u{301}", "👩‍👩‍👧"] {
            let name = try components("$title", [.title: String(repeating: unit, count: 300)]).last ?? ""
            #expect(name.utf8.count <= 255 && name.utf8.count > 220 && name.hasSuffix(".flac"), "\(name)")
            #expect(name.dropLast(5).allSatisfy { $0 == unit.first }, "cut within a character: \(name)")
        }
    }

    @Test(arguments: [
        ("%if{$genre,a/b,c/d}/$title", "c/d/file.flac"), ("%if{ 0 ,a,b}", "b.flac"), ("%if{False,a,b}", "b.flac"),
        ("%if{$track,a,b}", "b.flac"),
        ("%if{$disc,a,b}", "b.flac"), ("%if{$title,a,b}", "b.flac"), ("%if{$multidisc,a,b}", "b.flac"),
        ("%if{%upper{$genre},a,b}", "b.flac"), ("%if{x,$genre}", "Unknown.flac"), ("%if{,a}x", "x.flac"),
        ("%left{abc,0}x", "x.flac"), ("%left{abc,99}", "abc.flac"), ("%right{abc,2}", "bc.flac"),
        ("%first{one}", "one.flac"), ("%first{}x", "x.flac"), ("%the{A Perfect Circle}", "Perfect Circle, A.flac"),
        ("%the{An Horse}", "Horse, An.flac"), ("%the{Theory}", "Theory.flac"), ("%the{the}", "the.flac"),
        ("%asciify{ßæøłＡ}", "ssaeolA.flac"), ("%upper{ß}", "SS.flac"), ("${title}${track}", "file00.flac"),
        ("%upper{%lower{%title{aB}}}", "AB.flac"), ("%if{a$,b,c}", "c.flac"), ("%left{%if{x,abc},2}", "ab.flac"),
    ]) func meanings(template: String, expected: String) throws {
        #expect(try components(template).joined(separator: "/") == expected)
    }

    @Test func aSlashThatAFunctionMakesIsNoSeparator() throws {
        #expect(try components("%asciify{$artist}/$title", [.artist: "a／b⁄c"]) == ["a_b_c", "file.flac"])
        #expect(try components("%upper{$artist}/$title", [.artist: "a/b"]) == ["A_B", "file.flac"])
        #expect(try components("%if{$artist,$artist}/$title", [.artist: "../../etc"]) == ["_._.._etc", "file.flac"])
    }

    @Test func directionalMarksAreGoneAndTheTextComposed() throws {
        let marks = "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}"
        #expect(
            try components("$artist/$title", [.artist: "e" + marks + "\u{301}"]).first?.unicodeScalars.map(\.value) == [
                0xe9
            ])
        #expect(try components("$artist$title", [.artist: "e", .title: "\u{301}"]) == ["é.flac"])
        #expect(Names.sanitised("a\u{2028}b\u{9b}c\u{7f}") == "a_b_c_")
    }

    @Test func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "%upper{", count: depth) + "x" + String(repeating: "}", count: depth)
        }
        #expect(try components(nested(32)) == ["X.flac"])
        #expect(throws: TemplateError.self) { try PathTemplate(parsing: nested(33)) }
        #expect(throws: TemplateError.self) { try PathTemplate(parsing: String(repeating: "x", count: 4097)) }
        #expect(throws: TemplateError.self) {
            try PathTemplate(parsing: "e" + String(repeating: "\u{301}", count: 4096))
        }
        _ = try PathTemplate(parsing: String(repeating: "x", count: 4096))
    }

    /// Lyrics are megabytes at times; a template may name them hundreds of times.
    @Test(.timeLimit(.minutes(1))) func longTagsTimesLongTemplatesStayBounded() throws {
        let lyrics = String(repeating: "Ä la la\n", count: 500_000)
        for template in [
            "%upper{" + String(repeating: "$lyrics", count: 500) + "}",
            String(repeating: "%lower{$lyrics}", count: 200),
            String(repeating: "$lyrics/", count: 400) + "$title",
        ] {
            for component in try components(template, [.lyrics: lyrics]) {
                #expect((1...255).contains(component.utf8.count))
            }
        }
    }

    @Test func everyFieldHasAVariable() throws {
        for field in TagField.allCases {
            let tags = [field: "7"]
            #expect(try components("x${\(field.rawValue)}", tags).first?.hasPrefix("x") == true)
        }
    }

    /// Plain text, which most is, takes microseconds; the bound leaves room for debug builds on a busy machine.
    @Test func plainTagsAreCheap() throws {
        let input = TemplateInput(
            tags: Tags(entries: [
                .init(.artist, "Metallica"), .init(.album, "Master of Puppets"), .init(.date, "1986"),
                .init(.track, "1"), .init(.title, "Battery"),
            ]), multidisc: false, fileName: "01.flac", format: "flac")
        let clock = ContinuousClock()
        let fastest = (0..<20).map { _ in
            clock.measure { for _ in 0..<100 { _ = PathTemplate.standard.path(for: input) } } / 100
        }.min()
        #expect((fastest ?? .zero) < .milliseconds(1))
        #expect(PathTemplate.standard.path(for: input).last == "01 - Battery.flac")
    }
}
