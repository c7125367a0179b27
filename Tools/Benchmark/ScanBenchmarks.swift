import MusicFSSystem

private func tracks(_ place: Workplace) -> Int { place.quick ? 300 : 100_000 }

/// The wall time of `musicfs scan` on an empty library, files in the page cache.
func measureFirstScan(_ place: Workplace) throws -> [Row] {
    let origin = try place.library(tracks: tracks(place))
    _ = try findSeconds(place, origin)
    var rates: [Double] = []
    for _ in 0..<(place.quick ? 1 : 3) {
        rates.append(
            try place.withMount(try place.freshDirectories(origin: origin)) { try scanRate($0) })
    }
    return [Row(name: "scan_first", ours: median(rates), unit: "files/s", better: .higher, target: 15_000)]
}

/// The same where nothing has changed.
func measureSecondScan(_ place: Workplace) throws -> [Row] {
    let origin = try place.library(tracks: tracks(place))
    return try place.withMount(try place.freshDirectories(origin: origin)) { mount in
        _ = try scanRate(mount)
        let rates = try (0..<(place.quick ? 2 : 7)).map { _ in try scanRate(mount) }
        return [Row(name: "scan_second", ours: median(rates), unit: "files/s", better: .higher, target: 200_000)]
    }
}

private func scanRate(_ mount: MusicFSMount) throws -> Double {
    var files = 0
    // So that the wait for the socket is not counted.
    _ = try mount.command(["status"])
    let time = try seconds {
        // "local: 100 files, 0 new, …"
        let words = try mount.command(["scan"]).split(separator: " ")
        files = words.firstIndex(of: "files,").flatMap { $0 > 0 ? Int(words[$0 - 1]) : nil } ?? 0
    }
    if files == 0 { throw BenchmarkError("the scan saw no files") }
    return Double(files) / time
}

/// From the rename that puts a retagged file in place to its new name in the mount.
func measureVisible(_ place: Workplace) throws -> [Row] {
    let origin = try place.makeScratch("retag")
    let variants = try place.makeScratch("variants")
    let count = place.quick ? 3 : 20
    for number in 0...count { try encode(place, variants.appending("\(number).flac"), title: title(number)) }
    let file = origin.appending("file.flac")
    try writeFileAtomically(file, try readFile(variants.appending("0.flac")))
    return try place.withMount(try place.freshDirectories(origin: origin), scans: true) { mount in
        guard try milliseconds(untilShown: title(0), mount.point) != nil else {
            throw BenchmarkError("the first scan did not show the file in ten seconds")
        }
        var times: [Double] = []
        for number in 1...count {
            let bytes = try readFile(variants.appending("\(number).flac"))
            // Longer than the debounce, so that each counts alone.
            _ = pollReadable([], milliseconds: 700)
            try place.checkpoint()
            try writeFileAtomically(file, bytes)
            guard let time = try milliseconds(untilShown: title(number), mount.point) else {
                throw BenchmarkError("retag \(number) was not visible in ten seconds")
            }
            times.append(time)
        }
        return [
            Row(name: "retag_visible_p50", ours: median(times), unit: "ms", better: .lower, target: 500),
            Row(name: "retag_visible_max", ours: times.max() ?? 0, unit: "ms", better: .lower),
        ]
    }
}

private func title(_ number: Int) -> String { "Title-\(number)-end" }

private func encode(_ place: Workplace, _ path: FilePath, title: String) throws {
    try place.run([
        "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i",
        "sine=duration=0.3", "-metadata", "title=\(title)", "-metadata", "artist=Bench", "-metadata", "album=Retag",
        path.description,
    ])
}

/// nil after ten seconds.
private func milliseconds(untilShown title: String, _ root: FilePath) throws -> Double? {
    let begin = monotonicNanoseconds()
    while monotonicNanoseconds() - begin < 10_000_000_000 {
        if try names(below: root).contains(where: { $0.contains(title) }) {
            return Double(monotonicNanoseconds() - begin) / 1e6
        }
        _ = pollReadable([], milliseconds: 2)
    }
    return nil
}

/// The names of all files; a directory that goes away meanwhile has none.
private func names(below root: FilePath) throws -> [String] {
    guard let directory = try? open(root, [.read, .directory]) else { return [] }
    guard let entries = try? listDirectory(directory.raw, path: root) else { return [] }
    return try entries.flatMap { entry in
        entry.kind == .directory
            ? try names(below: root.appending(entry.name)) : [String(decoding: entry.name, as: UTF8.self)]
    }
}
