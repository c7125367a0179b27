import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSSearch

/// Highlights, explanations and corrections.
@Suite struct ResultsTests {
    /// The text with brackets around what is highlighted.
    private func marked(_ query: SearchQuery, _ text: String, _ field: TextField = .title) -> String {
        let utf8 = Array(text.utf8)
        var result: [UInt8] = []
        var end = 0
        for range in Highlighter(query).ranges(in: text, of: field) {
            result += utf8[end..<range.lowerBound] + Array("[".utf8) + utf8[range] + Array("]".utf8)
            end = range.upperBound
        }
        return String(decoding: result + utf8[end...], as: UTF8.self)
    }

    @Test(arguments: [
        ("bjork", "Björk live", "[Björk] live"), ("BJÖRK", "Bjo\u{308}rk, björn", "[Bjo\u{308}rk], björn"),
        ("bj*", "Björk live at Bjørnøya", "[Björk] live at [Bjørnøya]"), ("lvoe~1", "All Love!", "All [Love]!"),
        ("\"dark side\"", "Dark, the dark side", "Dark, the [dark] [side]"),
        ("\"dark side\"", "side dark", "side dark"),
        ("love OR year:1990", "love", "[love]"), ("love -dark", "dark love", "dark [love]"),
        ("title:love artist:dark", "dark love", "dark [love]"), ("rem", "Best of R.E.M. live", "Best of [R.E.M]. live"),
        ("dont", "Don’t", "[Don’t]"), ("strasse", "Straße 1", "[Straße] 1"), ("10000", "10,000 Days", "[10,000] Days"),
        ("xii", "Louis Ⅻ", "Louis [Ⅻ]"), ("fire", "ﬁre", "[ﬁre]"), ("x", "a_x_b:x", "a_[x]_b:[x]"),
        ("!!!", "!!!", "[!!!]"),
        ("東京", "東京事変 live", "[東京]事変 live"), ("京事変", "東京事変", "東[京事変]"), ("事", "東京事変", "東京[事]変"),
        ("変", "東京事変", "東京事[変]"), ("東変", "東京事変", "東京事変"), ("ガ", "ｶﾞxｶﾞ", "[ｶﾞ]x[ｶﾞ]"), ("love", "", ""),
        ("👨‍👩‍👧", "👨‍👩‍👧 family", "[👨‍👩‍👧] family"), ("zzz", "love", "love"),
    ])
    func whatMatchedIsMarked(query: String, text: String, expected: String) throws {
        #expect(marked(try QueryParser.parse(query, options: QueryParser.Options(now: 0)), text) == expected)
    }

    /// What is found in a field is highlighted in one of its values, and nothing else is.
    @Test func highlightsAreWhereTheIndexFinds() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        var library = RandomLibrary(seed: 55)
        let documents = (0..<150).map { library.document(Int64($0)) }
        try index.add(documents)
        try index.commit(sequence: 1)
        var highlighted = 0
        for _ in 0..<150 {
            let field = library.pick(TextField.allCases)
            let word = library.word()
            let query: SearchQuery
            switch Int.random(in: 0..<4, using: &library.random) {
            case 0: query = .phrase(field, library.text(3))
            case 1: query = .prefix(field, String(word.prefix(2)))
            case 2: query = .fuzzy(field, word.count > 2 && word.utf8.first ?? 0 < 0x80 ? word : "love", distance: 2)
            default: query = .term(field, word)
            }
            let found = Set(try index.snapshot.matches(query))
            let highlighter = Highlighter(query)
            for document in documents {
                let isMarked = document.texts.contains { text in
                    !highlighter.ranges(in: text.value, of: text.field).isEmpty
                }
                #expect(isMarked == found.contains(document.id), "\(query) in \(document.texts)")
                highlighted += isMarked ? 1 : 0
            }
        }
        #expect(highlighted > 500)
    }

    @Test func queriesAreExplained() throws {
        let query = try QueryParser.parse(
            "Björk (title:\"dark side\" OR lov*) -lvoe~1 year:1980.. format:flac", options: QueryParser.Options(now: 0))
        let tree = query.explanation
        #expect(tree.kind == .and)
        #expect(tree.children.map(\.kind) == [.word, .or, .not, .range, .keyword])
        #expect(tree.children[0].terms == ["bjork"])
        #expect(tree.children[1].children[0].field == "title")
        #expect(tree.children[1].children[0].terms == ["dark", "side"])
        #expect(tree.children[1].children[1].kind == .beginning)
        #expect(tree.children[2].children[0].distance == 1)
        #expect(tree.children[3].from == 1980 && tree.children[3].through == nil)
        #expect(tree.children[4].text == "flac")
    }

    /// The parts of an explanation make the score, and there is one for what matches alone.
    @Test func explanationsMakeTheScore() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        var library = RandomLibrary(seed: 91)
        for part in 0..<3 {
            try index.add((0..<100).map { library.document(Int64($0 * 3 + part)) })
            try index.commit(sequence: 1)
        }
        index.remove([5, 6])
        try index.commit(sequence: 2)
        var explained = 0
        for _ in 0..<120 {
            let query = library.query()
            let scores = Dictionary(
                uniqueKeysWithValues: try index.snapshot.search(query, options: SearchOptions(limit: 1000)).hits.map {
                    ($0.id, $0.score)
                })
            for id in stride(from: Int64(0), to: 300, by: 7) {
                let found = try index.snapshot.explain(query, id: id)
                #expect((found != nil) == (scores[id] != nil), "\(query) for \(id)")
                guard let found, let score = scores[id] else { continue }
                #expect(abs(found.score - score) <= 1e-3 * max(1, score), "\(query) for \(id)")
                #expect(found.parts.allSatisfy { !$0.term.isEmpty && !$0.fields.isEmpty })
                explained += found.parts.count
            }
        }
        #expect(explained > 200)
        #expect(try index.snapshot.explain(.all, id: 5) == nil)
        #expect(try index.snapshot.explain(.all, id: 7) != nil)
    }

    @Test func partsTellWhereAWordIs() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        try index.add([
            SearchDocument(
                id: 1, texts: [.init(.title, "love love Björk"), .init(.artist, "love"), .init(.album, "loves")]),
            SearchDocument(id: 2, texts: [.init(.title, "other")]),
        ])
        try index.commit(sequence: 1)
        let word = try #require(try index.snapshot.explain(.term(nil, "LOVE"), id: 1)?.parts.first)
        #expect(word.kind == .word && word.term == "love")
        #expect(word.fields.map(\.name) == ["title", "artist"])
        #expect(word.fields.map(\.count) == [2, 1])
        #expect(word.fields.map(\.length) == [3, 1])
        let accented = try #require(try index.snapshot.explain(.term(nil, "björk"), id: 1)).parts
        #expect(accented.map(\.kind) == [.word, .accented])
        #expect(accented.map(\.term) == ["bjork", "björk"])
        let beginning = try #require(try index.snapshot.explain(.prefix(.album, "lo"), id: 1)?.parts.first)
        #expect(beginning.kind == .expansion && beginning.term == "loves")
        let phrase = try #require(try index.snapshot.explain(.phrase(nil, "love bjork"), id: 1)?.parts.first)
        #expect(phrase.kind == .phrase && phrase.term == "love bjork")
        #expect(phrase.fields.map(\.count) == [1])
    }

    @Test(arguments: [
        ("dark sied", "dark side"), ("year:1970..1980 drak sied", "year:1970..1980 dark side"),
        ("sied OR mooon", "side OR moon"), ("metalica", "metallica"), ("dark sied -love", "dark side -love"),
        ("rolling-stons", "\"rolling stones\""), ("(sied) format:flac", "(side) format:flac"),
        ("title:sied", "title:side"),
    ])
    func mistypedWordsAreCorrected(text: String, expected: String) throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        let titles = [
            "The Dark Side of the Moon", "Dark Sides", "Dark Side", "Darkness", "Metallica", "Rolling Stones Moon",
            "love dark side",
        ]
        try index.add(
            titles.enumerated().map { number, title in
                SearchDocument(id: Int64(number), texts: [.init(.title, title)], year: 1973, format: "flac")
            })
        try index.commit(sequence: 1)
        let options = QueryParser.Options(now: 0)
        let query = try QueryParser.parse(text, options: options)
        #expect(try index.snapshot.search(query).hits.isEmpty)
        let hits = try index.snapshot.search(try #require(query.tolerant)).hits
        let corrections = try index.snapshot.corrections(of: query, hits: hits)
        let corrected = try QueryParser.replacing(corrections, in: text, options: options)
        #expect(corrected == expected)
        #expect(try !index.snapshot.search(try QueryParser.parse(corrected, options: options)).hits.isEmpty)
    }

    @Test func whatIsRightIsNotCorrected() throws {
        let directory = try TestDirectory()
        let index = try SearchIndex.open(directory.path)
        try index.add([SearchDocument(id: 1, texts: [.init(.title, "dark \"")])])
        try index.commit(sequence: 1)
        for text in ["dark", "\"drak\"", "da*"] {
            let query = try QueryParser.parse(text, options: QueryParser.Options(now: 0))
            #expect(try index.snapshot.corrections(of: query, hits: [SearchHit(id: 1, score: 1)]).isEmpty)
        }
    }
}
