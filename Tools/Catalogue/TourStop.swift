/// One of the albums that every catalogue begins with, so that even a small library shows every feature.
struct TourStop {
    var isCompilation = false
    var script = Script.latin
    var discs: [Int]
    /// Taken modulo the number of formats that were asked for.
    var formatIndex: Int
    var companions: GeneratedAlbum.Companions = []
    var missing: GeneratedAlbum.MissingTags = []
    var repeatsFirstTrack = false
    var hasSecondRip = false
    /// Whether the artist is that of the stop before.
    var keepsArtist = false

    /// Below 60 tracks together, second rips and repeated tracks included.
    static let tour: [TourStop] = [
        TourStop(
            discs: [6], formatIndex: 0, companions: [.cover, .cueSheet, .ripLog, .lyrics], hasSecondRip: true),
        TourStop(discs: [4, 4], formatIndex: 1, companions: [.cover, .discCovers, .cueSheet], keepsArtist: true),
        TourStop(isCompilation: true, discs: [6], formatIndex: 4, companions: .cover),
        TourStop(
            script: .cyrillic, discs: [4], formatIndex: 2, companions: [.cover, .lyrics], repeatsFirstTrack: true),
        TourStop(script: .cjk, discs: [4], formatIndex: 3, companions: [.cover, .scans]),
        TourStop(script: .greek, discs: [3], formatIndex: 5),
        TourStop(script: .diacritics, discs: [4], formatIndex: 6, companions: [.cover, .scans, .ripLog]),
        TourStop(discs: [2], formatIndex: 7, missing: .all),
        TourStop(discs: [2], formatIndex: 7, missing: [.title, .date, .numbers], keepsArtist: true),
        TourStop(script: .hebrew, discs: [3], formatIndex: 1, companions: .cover, repeatsFirstTrack: true),
        TourStop(script: .arabic, discs: [3], formatIndex: 0, missing: .genre),
        TourStop(script: .hangul, discs: [3], formatIndex: 3, missing: .albumArtist),
        TourStop(discs: [2], formatIndex: 4, missing: .album),
    ]
}
