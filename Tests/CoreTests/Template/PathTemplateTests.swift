import MusicFSCore
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
        #expect(
            try path(nil, tags, multidisc: true)
                == "Metallica/Master of Puppets (1986) [FLAC]/1-01 - Battery.flac")
    }

    @Test func earlierLayouts() throws {
        let layout = "$artist/$album ($year) [$format_upper]/$track - $title.$format"
        #expect(
            try path(layout, [.artist: "Artist", .track: "5", .title: "Track"], format: "mp3")
                == "Artist/Unknown Album (Unknown) [MP3]/05 - Track.mp3")
        #expect(
            try path(
                "$genre/$artist - $album/$track $title.$format",
                [.genre: "Rock", .artist: "AC/DC", .album: "Back in Black", .track: "06", .title: "Back in Black"])
                == "Rock/AC_DC - Back in Black/06 Back in Black.flac")
    }

    @Test func missingTags() throws {
        #expect(
            try path(nil, [:], file: "some song.mp3", format: "mp3")
                == "Unknown Artist/Unknown Album [MP3]/some song.mp3")
        #expect(try path("$year/$genre/$track $disc $title", [:]) == "Unknown/Unknown/00 1 file.flac")
        #expect(try path("%if{$genre,yes,no}/$title", [:]) == "no/file.flac")
        #expect(try path("%if{$title$album$artist$track$disc$year,yes,no}", [:]) == "no.flac")
        #expect(try path("$track $disc_total", [.track: "A1", .discTotal: "x"]) == "00.flac")
        #expect(try path("$title", [:], file: ".flac", format: "") == "_flac")
        #expect(try path("$title", [:], file: "", format: "") == "_")
    }

    @Test func emptyComponents() throws {
        // A tag keeps its place, so that files of different depths do not come together; other emptiness goes.
        #expect(try path("$composer/$title", [.title: "t"]) == "_/t.flac")
        #expect(try path("%if{$composer,$composer}/$title", [.title: "t"]) == "t.flac")
        #expect(try path("%if{$composer,$composer/}$title", [.title: "t", .composer: "c"]) == "c/t.flac")
        #expect(try path("//x//y", [:]) == "x/y.flac")
        #expect(try path("x/", [:]) == "x/_.flac")
        #expect(try path("$comment", [:]) == "_.flac")
    }

    @Test func compilations() throws {
        #expect(
            try path("$albumartist/$title", [.compilation: "1", .artist: "X", .title: "T"]) == "Various Artists/T.flac")
        #expect(
            try path("$albumartist/$title", [.albumArtist: "Y", .compilation: "1", .artist: "X", .title: "T"])
                == "Y/T.flac")
        #expect(try path("$albumartist/$title", [.albumArtist: " ", .artist: "X", .title: "T"]) == "X/T.flac")
        #expect(try path("$album_artist/$title", [.artist: "X", .title: "T"]) == "Unknown Artist/T.flac")
    }

    @Test(arguments: [
        ("%upper{$artist}", "MOTÖRHEAD"), ("%lower{$artist}", "motörhead"), ("%asciify{$artist}", "Motorhead"),
        ("%left{$artist,3}", "Mot"), ("%left{$artist, 4 }", "Motö"), ("%right{$artist,4}", "head"),
        ("%left{$artist,0}x", "x"), ("%left{$artist,9999999}", "Motörhead"), ("%left{$artist,$title}x", "x"),
        ("%the{The $artist}", "Motörhead, The"), ("%the{a x}", "x, a"), ("%the{The}", "The"),
        ("%the{Theory X}", "Theory X"), ("%the{$artist}", "Motörhead"), ("%the{AN $artist}", "Motörhead, AN"),
        ("%first{a; b}", "a"), ("%first{;b}", "b"), ("%first{}x", "x"), ("%first{$artist}", "Motörhead"),
        ("%title{one two}", "One Two"), ("$$ %% $, $}", "$ % , }"), ("${artist}x", "Motörheadx"), ("a,b}c{", "a,b}c{"),
        ("%if{0,a,b}", "b"), ("%if{00,a,b}", "b"), ("%if{ ,a,b}", "b"), ("%if{False,a,b}", "b"), ("%if{1,a,b}", "a"),
        ("%if{x,a$,b}", "a,b"), ("%if{x,{a$}}", "{a}"), ("%if{$artist,%if{$genre,x,y}}", "y"),
        ("%if{$multidisc,a,b}", "b"), ("%if{%left{$title,2},a,b}", "b"), ("%if{$artist,a/b}", "a/b"),
        ("%upper{%left{$artist,1}/x}", "M/X"), ("%upper{%if{x,a/}b}", "A/B"), ("%left{a/bc,3}", "a/b"),
        ("%asciify{ａ／ｂ/½}", "a_b/1_2"), ("%upper{%lower{%title{$artist}}}", "MOTÖRHEAD"),
        ("/\u{301}x", "\u{301}x"), ("$musicbrainz_album_id x", "x"),
    ]) func functionsAndLiterals(template: String, expected: String) throws {
        #expect(try path(template, [.artist: "Moto\u{308}rhead"], file: "") == "\(expected).flac")
    }

    @Test(arguments: [
        ("AC/DC", "AC_DC"), ("..", "_."), (".", "_"), ("...", "_.."), ("  ", "Unknown Artist"), ("", "Unknown Artist"),
        ("\u{202e}\u{200f}", "Unknown Artist"), ("a\u{0}b\nc", "a_b_c"), ("\u{0}", "_"), ("\n", "_"),
        ("$title", "$title"),
        ("%upper{x}", "%upper{x}"), (".hidden", "_hidden"), (".\u{301}x", "_\u{301}x"), (" x\u{3000}", "x"),
        ("a\u{202e}b", "ab"), ("שלום", "שלום"), ("e\u{301}", "é"), ("a:b*c?d\"e<f>g|h\\i", "a_b_c_d_e_f_g_h_i"),
        ("C1\u{85}x", "C1_x"), ("../../etc", "_._.._etc"), ("a/\u{301}", "a_\u{301}"),
    ]) func hostileValues(value: String, expected: String) throws {
        #expect(try path("$artist/$title", [.artist: value, .title: "t"]) == "\(expected)/t.flac")
        #expect(try path("$artist", [.artist: value]) == "\(expected).flac")
    }

    @Test func piecesComposeWhereTheyMeet() throws {
        let path = try path("$artist$title", [.artist: "e", .title: "\u{301}"])
        #expect(Array(path.unicodeScalars) == Array("é.flac".unicodeScalars))
    }

    @Test func longValues() throws {
        let long = String(repeating: "漢字", count: 2000)
        let components = try path("$artist/$artist - $title", [.artist: long, .title: "t"]).split(separator: "/")
        #expect(components.map(\.utf8.count) == [255, 254])
        #expect(components[1].hasSuffix("字漢.flac") || components[1].hasSuffix("漢字.flac"))
        // Where it is cut, there may be a space, which goes.
        let spaced = String(repeating: "x", count: 254) + " y"
        #expect(try path("$artist/$title", [.artist: spaced, .title: "t"]).split(separator: "/")[0].utf8.count == 254)
        let megabytes = String(repeating: "la ", count: 1_000_000)
        #expect(try path(String(repeating: "%upper{$lyrics}", count: 200), [.lyrics: megabytes]).utf8.count <= 255)
    }

    @Test func extensions() throws {
        #expect(try path("$title", [.title: "t"]) == "t.flac")
        #expect(try path("$title.$format", [.title: "t"]) == "t.flac")
        #expect(try path("$title.$format_upper", [.title: "t"]) == "t.FLAC")
        #expect(try path("$title", [.title: "t.mp3"]) == "t.mp3.flac")
        #expect(try path("$title.$format.x", [.title: "t"]) == "t.flac.x.flac")
        #expect(try path("$format", [:]) == "flac.flac")
        #expect(try path(".$format", [:]) == "_.flac")
        #expect(try path("$title.$format", [.title: "t"], format: "no extension") == "t.no extension")
        #expect(try path("$title", [.title: "t"], format: "") == "t")
        let absurd = String(repeating: "y", count: 300)
        #expect(try path("$title.$format", [.title: "t"], format: absurd).utf8.count == 255)
    }

    @Test func multidiscIsKnownFromTheText() throws {
        #expect(PathTemplate.standard.usesMultidisc)
        #expect(try PathTemplate(parsing: "%upper{%if{x,y,$multidisc}}").usesMultidisc)
        #expect(try !PathTemplate(parsing: "$artist/$title").usesMultidisc)
    }
}
