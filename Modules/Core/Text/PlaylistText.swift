/// An extended M3U playlist in UTF-8, in pieces: what `musicfs collection export` writes, and what a file NAME.m3u8 of the
/// mount holds.
package enum PlaylistText {
    /// The first line.
    package static let header = Array("#EXTM3U\n".utf8)

    /// The lines of one track; none where its path has a line break, which the format cannot tell.
    ///
    /// - Parameters:
    ///   - path: below the root of the mount; slashes before it are left out.
    ///   - prefix: stands before the path: empty for one that is relative to the root, `../` for one that is relative to a
    ///     directory in it, the mount point with a slash behind it for an absolute one.
    ///   - duration: milliseconds.
    package static func entry(
        path: some Collection<UInt8>, prefix: [UInt8], duration: Int64?, artist: String?, title: String?
    ) -> [UInt8] {
        var line = prefix + path.drop { $0 == UInt8(ascii: "/") }
        guard line.count > prefix.count, !line.contains(where: { $0 == 0x0a || $0 == 0x0d }) else { return [] }
        // It would be taken for a comment.
        if line.first == UInt8(ascii: "#") { line = Array("./".utf8) + line }
        let seconds = duration.map { (min(max($0, 0), .max - 500) + 500) / 1000 } ?? -1
        return "#EXTINF:\(seconds),\(caption(artist: artist, title: title))\n".utf8 + line + [0x0a]
    }

    /// `Artist - Title`, in one line.
    package static func caption(artist: String?, title: String?) -> String { "\(line(artist)) - \(line(title))" }

    private static func line(_ tag: String?) -> String {
        guard let tag, !tag.allSatisfy(\.isWhitespace) else { return "Unknown" }
        var line = String.UnicodeScalarView()
        for scalar in tag.unicodeScalars {
            let isControl =
                scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || [0x2028, 0x2029].contains(scalar.value)
            line.append(isControl ? " " : scalar)
        }
        return String(line)
    }
}
