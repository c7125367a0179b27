import MusicFSSystem
import TestSupport

/// A listener's evenings, replayed in real time over a line of 64 Mbit/s that makes every byte 25 ms late in each direction,
/// with prefetching and without.
///
/// Rows: reads that waited for the origin, tracks that did, what came over the line, and how much of what was fetched ahead
/// was played.
func measurePrefetch(_ place: Workplace) throws -> [Row] {
    guard RcloneServer.isAvailable else {
        place.say("there is no rclone to serve files: `make test-packages` installs it; its rows are left out")
        return []
    }
    let parts =
        try place.history.map { [try Listening.recorded($0)] } ?? (place.quick ? [.quick] : [.albums, .list])
    let origin = try place.makeScratch("served")
    var albums: [Int: Int] = [:]
    for part in parts { albums.merge(part.tracks(), uniquingKeysWith: max) }
    for (album, tracks) in albums {
        for track in 1...tracks { try writeTrack(origin, album, track) }
    }
    let server = try RcloneServer(.webdav, origin)
    let proxy = try TCPProxy(target: server.port)
    proxy.latency = 0.025
    proxy.rate = 8_000_000
    let without = try replay(place, server, proxy, isEnabled: false, parts)
    let with = try replay(place, server, proxy, isEnabled: true, parts)
    return parts.indices.flatMap { rows(parts[$0], with[$0], without[$0]) }
}

/// Only what is heard album by album has targets: a list cannot be known before it was heard.
private func rows(_ listening: Listening, _ with: Replay, _ without: Replay) -> [Row] {
    let peer = "without prefetching"
    let (name, isAlbums) = (listening.name, listening.isByAlbum)
    return [
        Row(
            name: "prefetch_\(name)_misses", ours: with.misses, unit: "reads", better: .lower,
            peer: (peer, without.misses), targetRatio: isAlbums ? 0.5 : nil),
        Row(
            name: "prefetch_\(name)_waits", ours: with.waits, unit: "tracks", better: .lower,
            peer: (peer, without.waits), targetRatio: isAlbums ? 0.5 : nil),
        Row(
            name: "prefetch_\(name)_bytes", ours: with.megabytes, unit: "MB", better: .lower,
            peer: (peer, without.megabytes)),
        Row(
            name: "prefetch_\(name)_used", ours: with.used * 100, unit: "%", better: .higher,
            target: isAlbums ? 70 : nil),
    ]
}

private struct Replay {
    var misses = 0.0
    var waits = 0.0
    var megabytes = 0.0
    /// The share of what was fetched ahead that was opened then.
    var used = 0.0
}

private func replay(
    _ place: Workplace, _ server: RcloneServer, _ proxy: TCPProxy, isEnabled: Bool,
    _ parts: [Listening]
) throws -> [Replay] {
    let directories = try place.freshDirectories(
        server, proxy, configuration: "[prefetch]\nenabled = \(isEnabled)")
    return try place.withMount(directories) { mount in
        _ = try mount.command(["scan"])
        return try parts.map { try replay($0.evenings, place, mount, proxy) }
    }
}

private func replay(
    _ evenings: [[Listening.Play]], _ place: Workplace, _ mount: MusicFSMount, _ proxy: TCPProxy
) throws -> Replay {
    func counts() throws -> (fetched: Double, used: Double) {
        let status = try mount.command(["prefetch", "status", "--json"])
        return (number("fetched_files", in: status), number("used_files", in: status))
    }
    let (bytes, before) = (proxy.bytesDown, try counts())
    var result = Replay()
    for evening in evenings {
        for play in evening {
            let misses = try cacheMisses(mount)
            try listen(place, mount, play)
            let more = try cacheMisses(mount) - misses
            result.misses += more
            result.waits += more > 0 ? 1 : 0
        }
        _ = try mount.command(["cache", "clear"])
    }
    result.megabytes = Double(proxy.bytesDown - bytes) / 1e6
    let after = try counts()
    result.used = after.fetched > before.fetched ? (after.used - before.used) / (after.fetched - before.fetched) : 0
    return result
}

private func cacheMisses(_ mount: MusicFSMount) throws -> Double {
    number("misses", in: try mount.command(["cache", "stats", "--json"]))
}

/// The number behind a key that occurs once.
private func number(_ key: String, in text: String) -> Double {
    guard let start = text.firstRange(of: "\"\(key)\":")?.upperBound else { return 0 }
    return Double(text[start...].prefix { $0.isNumber }) ?? 0
}

/// Reads a track as a player does: no faster than it plays.
private func listen(_ place: Workplace, _ mount: MusicFSMount, _ play: Listening.Play) throws {
    try place.checkpoint()
    let path = mount.point.appending("Artist").appending("Album \(play.album) [WAV]")
        .appending("\(play.track < 10 ? "0" : "")\(play.track) - Song \(play.album).\(play.track).wav")
    let file = try open(path, [.read])
    // What was heard on an evening before is not to come out of the kernel's memory.
    try dropCachedPages(file.raw)
    let size = try FileStatus.of(file).size
    let begin = monotonicNanoseconds()
    var offset: Int64 = 0
    while offset < size {
        let count = min(64 << 10, Int(size - offset))
        _ = try readFully(file.raw, at: offset, count: count)
        offset += Int64(count)
        let heard = Double(offset) / Double(byteRate)
        if let left = play.leftAfter, heard > left { break }
        let due = begin + UInt64(heard * 1e9)
        let now = monotonicNanoseconds()
        if due > now { _ = pollReadable([], milliseconds: Int32((due - now) / 1_000_000)) }
    }
    try file.close()
}

/// Of 192 kHz, 2 channels, 32 bits.
private let byteRate = 1_536_000

/// Four megabytes, which play for 2.7 s, with tags.
private func writeTrack(_ origin: FilePath, _ album: Int, _ track: Int) throws {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    func info(_ name: String, _ text: String) -> [UInt8] {
        let bytes = Array(text.utf8) + [0]
        return Array(name.utf8) + little(bytes.count, 4) + bytes + (bytes.count % 2 == 0 ? [] : [0])
    }
    let tags =
        Array("INFO".utf8) + info("IART", "Artist") + info("IPRD", "Album \(album)")
        + info("INAM", "Song \(album).\(track)") + info("IPRT", "\(track)")
    let dataBytes = 4 << 20
    var body = Array("WAVEfmt ".utf8) + little(16, 4) + little(1, 2) + little(2, 2) + little(192_000, 4)
    body += little(byteRate, 4) + little(8, 2) + little(32, 2)
    body += Array("LIST".utf8) + little(tags.count, 4) + tags + Array("data".utf8) + little(dataBytes, 4)
    // Different in every track, so that nothing is shared.
    var state = UInt64(album * 100 + track)
    for _ in 0..<(dataBytes / 8) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        unsafe withUnsafeBytes(of: state) { unsafe body.append(contentsOf: $0) }
    }
    let folder = origin.appending("Album \(album)")
    try createDirectories(folder)
    try writeFileAtomically(
        folder.appending("\(track).wav"), Array("RIFF".utf8) + little(body.count, 4) + body, mode: 0o644)
}
