import MusicFSControl
import MusicFSSearch

/// What a collection holds, and how it is written.
struct CollectionDefinition: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        case query(CollectionQuery)
        /// Tracks of these years, which are known without a search.
        case years(ClosedRange<Int64>)
    }

    /// As a user writes it.
    var text: String
    var content: Content

    /// Reads what a user has written.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Throws: `badRequest` with the place of the mistake.
    init(_ text: String, now: Int64) throws(ControlError) {
        do throws(QueryError) {
            self.init(text, .query(try CollectionQueryParser.parse(text, now: now)))
        } catch {
            throw ControlError(
                .badRequest, "query, character \(error.position): \(error.message)", remedy: error.hint)
        }
    }

    private init(_ text: String, _ content: Content) {
        self.text = text
        self.content = content
    }

    // MARK: Storing

    /// What is stored: JSON with the version of the language that the query is written in.
    private struct Stored: Codable {
        var version: Int
        var query: String
    }

    private static let version = 1

    func encoded() throws(ControlError) -> String {
        String(decoding: try JSON.encode(Stored(version: Self.version, query: text)), as: UTF8.self)
    }

    /// The query of a stored definition, whether or not it can be read; nil where it is none.
    static func text(stored: String) -> String? {
        (try? JSON.decode(Stored.self, from: Array(stored.utf8)))?.query
    }

    /// Reads a stored one.
    ///
    /// - Throws: `conflict` where a newer MusicFS has written it, or it is none.
    init(stored: String, now: Int64) throws(ControlError) {
        let found: Stored
        do throws(ControlError) { found = try JSON.decode(Stored.self, from: Array(stored.utf8)) } catch {
            throw ControlError(
                .conflict, "what the collection holds cannot be read", remedy: "remove it, and add it again")
        }
        guard found.version <= Self.version else {
            throw ControlError(
                .conflict, "a newer MusicFS has made this collection", remedy: "use that, or remove it and add it again"
            )
        }
        try self.init(found.query, now: now)
    }

    // MARK: What is always there

    static let builtIn: [(name: String, definition: CollectionDefinition)] = [
        ("Recently Added", CollectionDefinition("added:<30d", .query(.added(within: 30 * 86_400)))),
        ("Recently Played", CollectionDefinition("played:<7d", .query(.played(within: 7 * 86_400)))),
        ("Most Played", CollectionDefinition("played:top100", .query(.mostPlayed(100)))),
    ]

    /// One of ten years, such as `1980s`.
    static func decade(_ first: Int64) -> (name: String, definition: CollectionDefinition) {
        ("\(first)s", CollectionDefinition("year:\(first)..\(first + 9)", .years(first...(first + 9))))
    }

    /// The first year of the decade that a name stands for, whether or not it has tracks; nil for other names.
    static func decade(named name: String) -> Int64? {
        let bytes = Array(name.utf8)
        guard bytes.count == 5, bytes[4] == UInt8(ascii: "s"), bytes[3] == UInt8(ascii: "0"),
            let year = Int64(name.dropLast()), (1000...9990).contains(year)
        else { return nil }
        return year
    }
}
