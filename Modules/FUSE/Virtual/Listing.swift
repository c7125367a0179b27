import MusicFSCore

/// What a list's directory shows, or a directory of lists. Immutable; at most some 130 kB.
final class Listing: Sendable {
    struct Entry: Hashable, Sendable {
        enum Kind: UInt8, Hashable, Sendable { case link, list, playlist }

        var kind: Kind
        /// Of a link.
        var track: Int64 = 0
        /// Of a link: the length of what it says.
        var size: UInt64 = 0
        /// Of a link: nanoseconds since 1970.
        var modified: Int64 = 0
        /// Where in `text` its name ends; it begins where the last one ends.
        fileprivate var nameEnd: Int = 0

        init(kind: Kind, track: Int64 = 0, size: UInt64 = 0, modified: Int64 = 0) {
            self.kind = kind
            self.track = track
            self.size = size
            self.modified = modified
        }
    }

    /// The time that names what the list held (`ListTable.window`).
    let window: Int64
    let entries: [Entry]
    private let text: [UInt8]

    init(window: Int64, _ named: [(entry: Entry, name: [UInt8])]) {
        self.window = window
        var text: [UInt8] = []
        text.reserveCapacity(named.reduce(0) { $0 + $1.name.count })
        entries = named.map { entry, name in
            text += name
            var entry = entry
            entry.nameEnd = text.count
            return entry
        }
        self.text = text
    }

    func name(_ index: Int) -> ArraySlice<UInt8> {
        guard entries.indices.contains(index) else { return [] }
        return text[(index == 0 ? 0 : entries[index - 1].nameEnd)..<entries[index].nameEnd]
    }

    /// The link of this name. Constant time: the name says where it stands.
    func link(named name: [UInt8]) -> Entry? {
        guard let number = TrackNames.number(name), entries.indices.contains(number - 1),
            entries[number - 1].kind == .link, self.name(number - 1).elementsEqual(name)
        else { return nil }
        return entries[number - 1]
    }

    // MARK: Cookies

    // 1 and 2 are the dots; else 16 bits say the place, the rest the track, so that a listing that is being read goes on
    // behind the same track in a list that is no longer the same.
    private static let placeBits: Int64 = 16
    static let limit = 1 << 16 - 4

    func cookie(_ index: Int) -> Int64 { entries[index].track << Self.placeBits | Int64(index + 3) }

    /// The first entry behind a cookie; all are behind those of the dots.
    func index(after cookie: Int64) -> Int {
        guard cookie > 2 else { return 0 }
        let place = Int(cookie & (1 << Self.placeBits - 1)) - 3
        let track = cookie >> Self.placeBits
        if track == 0 || entries.indices.contains(place) && entries[place].track == track { return max(place + 1, 0) }
        return entries.firstIndex { $0.track == track }.map { $0 + 1 } ?? max(place + 1, 0)
    }
}
