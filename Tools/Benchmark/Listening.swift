import MusicFSSystem

/// What a listener heard, evening by evening. After each of them the cache is emptied, as if so much else had been heard in
/// between.
struct Listening {
    struct Play {
        var album: Int
        /// From 1 on.
        var track: Int
        /// Left after so many seconds; nil where it is heard to its end.
        var leftAfter: Double?
    }

    /// What its rows are called.
    var name: String
    var evenings: [[Play]]
    /// Whether albums are heard, whose next track is known before it was heard.
    var isByAlbum: Bool

    /// Tracks that an album has by its number: more than are heard of most.
    func tracks() -> [Int: Int] {
        var tracks: [Int: Int] = [:]
        for play in evenings.joined() { tracks[play.album] = max(tracks[play.album] ?? Self.least, play.track) }
        return tracks
    }

    private static let least = 6

    private static func whole(_ album: Int, _ tracks: ClosedRange<Int> = 1...6) -> [Play] {
        tracks.map { Play(album: album, track: $0) }
    }

    static let albums = Listening(
        name: "albums",
        evenings: [
            whole(1) + whole(2),
            // In the middle of an album; a song that is not liked; on with another album.
            whole(3, 3...6) + [Play(album: 5, track: 1, leftAfter: 1.2)] + whole(6, 2...6),
            whole(1, 1...4) + whole(4),
        ], isByAlbum: true)

    /// Tracks of several albums, in an order that no album has; the third time it is known.
    static let list = Listening(
        name: "list",
        evenings: Array(
            repeating: [(4, 1), (6, 3), (5, 2), (4, 4), (6, 1)].map { Play(album: $0.0, track: $0.1) }, count: 3),
        isByAlbum: false)

    /// A short one, which shows that it works.
    static let quick = Listening(name: "albums", evenings: [whole(1, 1...4)], isByAlbum: true)

    /// A recorded history: lines of seconds, album and track, parted by tabs, the oldest first. After a pause of half an hour
    /// a new evening begins. A track's place in its album is that in which it was heard first; those that were never heard
    /// come behind them.
    static func recorded(_ path: FilePath) throws -> Listening {
        var albums: [Substring: Int] = [:]
        var tracks: [Int: [Substring]] = [:]
        var evenings: [[Play]] = []
        var last = -Double.infinity
        let text = String(decoding: try readFile(path, limit: 64 << 20), as: UTF8.self)
        for (number, line) in text.split(separator: "\n").enumerated() {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 3, let time = Double(fields[0]), time >= last else {
                throw BenchmarkError(
                    "\(path), line \(number + 1): seconds, album and track are wanted, parted by tabs, the oldest first"
                )
            }
            let album = albums[fields[1]] ?? albums.count + 1
            albums[fields[1]] = album
            var known = tracks[album] ?? []
            let track = known.firstIndex(of: fields[2]) ?? known.count
            if track == known.count { known.append(fields[2]) }
            tracks[album] = known
            if time - last > 1800 { evenings.append([]) }
            last = time
            evenings[evenings.count - 1].append(Play(album: album, track: track + 1))
        }
        return Listening(name: "recorded", evenings: evenings, isByAlbum: true)
    }
}
