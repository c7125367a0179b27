import TestSupport
import Testing

@testable import MusicFSSearch

private let now: Int64 = 1_700_000_000

private func parse(_ text: String) throws(QueryError) -> CollectionQuery {
    try CollectionQueryParser.parse(text, now: now)
}

@Suite struct CollectionQueryTests {
    private static let day: Int64 = 86_400

    @Test(
        arguments: [
            ("genre:jazz", .search("genre:jazz")),
            ("  miles -davis OR (a b) ", .search("miles -davis OR (a b)")),
            ("added:<30d", .added(within: 30 * day)), ("ADDED:<=2w", .added(within: 14 * day)),
            ("(added:<1Y)", .added(within: 365 * day)),
            // No ages that give an order.
            ("added:>30d", .search("added:>30d")), ("added:7d..30d", .search("added:7d..30d")),
            ("-added:<30d", .search("-added:<30d")), ("jazz -(x added:<30d)", .search("jazz -(x added:<30d)")),
            ("played:<7d", .played(within: 7 * day)), ("played:<=12h", .played(within: 12 * 3600)),
            ("Played:NEVER", .neverPlayed), ("played:\"never\"", .neverPlayed), ("played:top100", .mostPlayed(100)),
            ("-played:never", .not(.neverPlayed)), ("NOT NOT played:never", .neverPlayed),
            ("genre:jazz added:<30d", .and([.search("genre:jazz"), .added(within: 30 * day)])),
            ("a b played:never c (d OR e)", .and([.search("a b"), .neverPlayed, .search("c (d OR e)")])),
            ("a AND played:never AND NOT b", .and([.search("a"), .neverPlayed, .search("NOT b")])),
            ("a OR b OR played:never OR c", .or([.search("a OR b"), .neverPlayed, .search("c")])),
            ("a played:never OR b", .or([.and([.search("a"), .neverPlayed]), .search("b")])),
            ("a (b OR played:never)", .and([.search("a"), .or([.search("b"), .neverPlayed])])),
            ("a -(b OR played:never)", .and([.search("a"), .not(.or([.search("b"), .neverPlayed]))])),
            // "&" is looked for by no search.
            ("Simon & Garfunkel played:<1m", .and([.search("Simon & Garfunkel"), .played(within: 30 * day)])),
            ("\"played:never\"", .search("\"played:never\"")), ("played", .search("played")),
        ] as [(String, CollectionQuery)])
    func collectionsAreRead(text: String, expected: CollectionQuery) throws {
        #expect(try parse(text) == expected)
    }

    @Test(arguments: [
        ("", 1, "empty"), (" \t", 1, "empty"), (String(repeating: "a", count: 1025), 1025, "1025"),
        (String(repeating: "a", count: 257), 257, "257"), ("played:", 8, "missing"), ("x played:>7d", 10, "otherwise"),
        ("played:soon", 8, "no time"), ("played:<7", 8, "no time"), ("played:<0d", 8, "no time"),
        ("played:<9999999999d", 8, "no time"), ("played:top", 8, "how many"), ("played:top0", 8, "how many"),
        ("played:top10001", 8, "how many"), ("played:never OR", 16, "missing at the end"),
        ("(played:never", 1, "not closed"), ("played:never)", 13, "closes nothing"), ("played:never ()", 15, "missing"),
        ("OR played:never", 1, "either side"), ("played:never -", 0, ""), ("a \u{7} b", 3, "control"),
        // In the middle, as the whole text counts.
        ("played:never yaer:1980", 14, "no field"), ("played:never (a OR year:9..1)", 25, "above"),
        ("a -(played:never b~3)", 20, "no number"), ("played:never \"x", 14, "not closed"),
        (String(repeating: "(", count: 33) + "a", 33, "too deeply"),
    ])
    func whatCannotBeReadIsPointedAt(text: String, position: Int, message: String) throws {
        if message.isEmpty {
            #expect(try parse(text) == .neverPlayed)
            return
        }
        let error = #expect(throws: QueryError.self) { try parse(text) }
        #expect(error?.position == position && error?.message.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.hint.isEmpty == false)
    }

    /// Whatever the search language can read is a collection, and nothing else is but for its own terms.
    @Test func queriesOfTheSearchLanguageStayWhatTheyAre() throws {
        var random = SeededGenerator(seed: 5)
        let words = [
            "a", "b*", "c~1", "\"d e\"", "year:1980..1989", "AND", "OR", "NOT", "-", "(", ")", "(", ")", "x:", "-f",
        ]
        var read = 0
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in words.randomElement(using: &random) ?? ""
            }
            .joined(separator: " ")
            let options = QueryParser.Options(now: now)
            do throws(QueryError) {
                _ = try QueryParser.parse(text, options: options)
                #expect(try parse(text) == .search(text), "\(text)")
                read += 1
            } catch {
                let found = #expect(throws: QueryError.self, "\(text)") { try parse(text) }
                #expect(found?.position == error.position, "\(text)")
            }
        }
        #expect(read > 500)
    }
}
