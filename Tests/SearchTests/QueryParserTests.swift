import TestSupport
import Testing

@testable import MusicFSSearch

private let now: Int64 = 1_700_000_000

private func parse(_ text: String, isTyping: Bool = false) throws(QueryError) -> SearchQuery {
    try QueryParser.parse(text, options: QueryParser.Options(isTyping: isTyping, now: now))
}

@Suite struct QueryParserTests {
    @Test(
        arguments: [
            ("love", .term(nil, "love")),
            ("dark side", .and([.term(nil, "dark"), .term(nil, "side")])),
            ("Artist - Title", .and([.term(nil, "Artist"), .term(nil, "Title")])),
            ("artist:Björk", .term(.artist, "Björk")),
            ("ALBUM_ARTIST:x", .term(.albumArtist, "x")),
            ("\"dark side\" moon", .and([.phrase(nil, "dark side"), .term(nil, "moon")])),
            ("title:\"dark side\"", .phrase(.title, "dark side")),
            ("a AND b OR c", .or([.and([.term(nil, "a"), .term(nil, "b")]), .term(nil, "c")])),
            ("a (b OR c)", .and([.term(nil, "a"), .or([.term(nil, "b"), .term(nil, "c")])])),
            ("a -b", .and([.term(nil, "a"), .not(.term(nil, "b"))])),
            ("a NOT b", .and([.term(nil, "a"), .not(.term(nil, "b"))])),
            ("a AND NOT (b c)", .and([.term(nil, "a"), .not(.and([.term(nil, "b"), .term(nil, "c")]))])),
            ("NOT -b", .term(nil, "b")), ("rock-n-roll", .term(nil, "rock-n-roll")),
            ("lov*", .prefix(nil, "lov")), ("title:lov*", .prefix(.title, "lov")),
            ("lvoe~", .fuzzy(nil, "lvoe", distance: 1)), ("lvoe~2", .fuzzy(nil, "lvoe", distance: 2)),
            ("year:1980", .range(.year, 1980...1980)), ("year:1980..1989", .range(.year, 1980...1989)),
            ("year:[1980 TO 1989]", .range(.year, 1980...1989)), ("year:[* TO 1989]", .range(.year, 0...1989)),
            ("year:1980..", .range(.year, 1980...NumericField.limit)),
            ("year:>1980", .range(.year, 1981...NumericField.limit)),
            ("year:<1980", .range(.year, 0...1979)), ("year:<=1980", .range(.year, 0...1980)),
            ("year:<0", .not(.all)),
            ("duration:>10m", .range(.duration, 600_001...NumericField.limit)),
            ("duration:3:30", .range(.duration, 210_000...210_999)),
            ("duration:2m..4m", .range(.duration, 120_000...240_000)),
            ("added:<30d", .range(.added, (now - 30 * 86_400 + 1)...NumericField.limit)),
            ("added:7d..30d", .range(.added, (now - 30 * 86_400)...(now - 7 * 86_400))),
            ("origin:nas", .keyword(.origin, "nas")), ("origin:\"my nas\"", .keyword(.origin, "my nas")),
            ("format:FLAC", .keyword(.format, "FLAC")), ("and", .term(nil, "and")), ("\"AND\"", .phrase(nil, "AND")),
            ("!!!", .term(nil, "!!!")),
        ] as [(String, SearchQuery)])
    func queriesAreRead(text: String, expected: SearchQuery) throws {
        #expect(try parse(text) == expected)
    }

    @Test func theLastWordMayGoOnWhileTyping() throws {
        #expect(try parse("dark si", isTyping: true) == .and([.term(nil, "dark"), .prefix(nil, "si")]))
        #expect(try parse("\"dark si\"", isTyping: true) == .phrase(nil, "dark si"))
        #expect(try parse("(dark si)", isTyping: true) == .and([.term(nil, "dark"), .term(nil, "si")]))
    }

    @Test(arguments: [
        ("", 1, "empty"), ("   ", 1, "empty"), (String(repeating: "a", count: 10_000), 257, "10000"),
        ("(a", 1, "not closed"), ("a)", 2, "closes nothing"), ("()", 2, "missing"), ("a \"b", 3, "not closed"),
        ("*", 1, "no word"), ("a*b", 2, "inside"), ("~3", 1, "no word"), ("a~3", 3, "no number"), ("~", 1, "no word"),
        ("year:[9 TO", 6, "not closed"), ("year:[9 TO]", 6, "bounds"), ("year:{1 TO 2}", 6, "brackets"),
        ("year:9..1", 6, "above"), ("year:..", 6, "missing"), ("year:abc", 6, "no number"), ("year:", 6, "missing"),
        ("year:12345678901", 6, "too large"), ("year:1980x", 10, "belong"), ("duration:10x", 12, "unit"),
        ("duration:3:7", 12, "two digits"), ("added:30", 9, "unit"), ("foo:bar", 1, "no field"),
        ("title:", 7, "missing"),
        ("AND a", 1, "either side"), ("a AND", 6, "missing"), ("a OR OR b", 6, "either side"), ("a -", 0, ""),
        ("-", 1, "empty"), ("NOT", 4, "missing"), ("a\u{7}b", 2, "control"), ("\"\"", 2, "quotes are empty"),
        ("format:fl*", 10, "whole name"), ("\"a b\"~2", 6, "phrase"),
    ])
    func errorsPointAtThePlace(text: String, position: Int, words: String) throws {
        if position == 0 {
            _ = try parse(text)
            return
        }
        let error = try #require(throws: QueryError.self) { _ = try parse(text) }
        #expect(error.position == position)
        #expect(error.message.contains(words), "\(error)")
        #expect(!error.hint.isEmpty)
    }

    /// Any text is a query or an error inside of it.
    @Test func anyTextIsAnswered() {
        var random = SeededGenerator(seed: 21)
        let pieces = [
            "a", "love", " ", " ", "(", ")", "\"", "-", "AND", " OR ", "NOT ", "year:", "[", "]", " TO ", "1980", "..",
            "<",
            ">", "*", "~", "~2", ":", "title:", "added:", "30d", "é", "東", "\u{0}", "\u{301}", "🎸", "format:",
            "duration:", "3:30",
        ]
        var queries = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...14, using: &random) {
                text += pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            do throws(QueryError) {
                _ = try parse(text, isTyping: Bool.random(using: &random)).tolerant
                queries += 1
            } catch {
                #expect((1...(text.count + 1)).contains(error.position), "\(text.debugDescription): \(error)")
            }
        }
        #expect(queries > 500)
    }

    @Test func wordsMayBeMistyped() throws {
        #expect(try parse("lvoe 1984").tolerant == .and([.fuzzy(nil, "lvoe", distance: 1), .term(nil, "1984")]))
        #expect(
            try parse("metalica title:x").tolerant == .and([.fuzzy(nil, "metalica", distance: 2), .term(.title, "x")]))
        #expect(try parse("\"dark side\" year:1980").tolerant == nil)
    }
}
