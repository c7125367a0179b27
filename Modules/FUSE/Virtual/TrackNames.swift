import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// The names of links to tracks: `001 Artist - Title.flac`.
enum TrackNames {
    /// - Parameters:
    ///   - number: from 1.
    ///   - count: how many the list has; names sort as the list is ordered.
    static func name(_ number: Int, of count: Int, _ track: TrackPlace) -> [UInt8] {
        let digits = String(number)
        let width = count < 1000 ? 3 : 4
        let zeros = String(repeating: "0", count: max(width - digits.count, 0))
        let artist = text(track.artist)
        let title = text(track.title)
        let ext = Names.split(Array(track.path.lastComponent)).ext
        return Names.truncated(Array("\(zeros)\(digits) \(artist) - \(title)".utf8) + ext)
    }

    private static func text(_ tag: String?) -> String {
        let text = Names.sanitised(tag ?? "")
        return text.allSatisfy(\.isWhitespace) ? "Unknown" : text
    }

    /// What a name begins with, where it can be one of these: a number of three or four digits, and a space.
    static func number(_ name: some Collection<UInt8>) -> Int? {
        let digits = name.prefix(5).prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard (3...4).contains(digits.count), name.dropFirst(digits.count).first == UInt8(ascii: " ") else {
            return nil
        }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return number > 0 ? number : nil
    }

    /// A list's name as programs ask for it, or as a directory of lists shows it.
    ///
    /// - Returns: nil for what can be none: no UTF-8, control characters, hidden names, and what desktops look for in every
    ///   directory.
    static func listName(_ bytes: [UInt8]) -> String? {
        guard (1...Names.limit).contains(bytes.count), !Names.isIgnored(bytes),
            !bytes.elementsEqual("autorun.inf".utf8),
            let name = String(validating: bytes, as: UTF8.self),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) || $0 == "/" })
        else { return nil }
        return name
    }

    private static let playlistSuffix = Array(".m3u8".utf8)

    static func playlistName(_ list: String) -> [UInt8]? {
        let name = list.utf8 + playlistSuffix
        return name.count <= Names.limit ? name : nil
    }

    /// The list that a playlist of this name is of; nil where it is no playlist's name.
    static func list(ofPlaylist name: String) -> String? {
        let bytes = Array(name.utf8)
        guard bytes.count > playlistSuffix.count, bytes.suffix(playlistSuffix.count).elementsEqual(playlistSuffix)
        else {
            return nil
        }
        return String(decoding: bytes.dropLast(playlistSuffix.count), as: UTF8.self)
    }
}
