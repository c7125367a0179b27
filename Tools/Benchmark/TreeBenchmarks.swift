import MusicFSSystem

private func tracks(_ place: Workplace) -> Int { place.quick ? 300 : 100_000 }

/// How long `find -ls` takes on a directory, and how many entries it names.
func findSeconds(_ place: Workplace, _ path: FilePath) throws -> (seconds: Double, entries: Int) {
    var count = 0
    let time = try seconds {
        let said = try place.run(["/bin/sh", "-c", "find \"$1\" -ls | wc -l", "find", path.description])
        count = said.split(separator: "\n").last.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
    if count < 2 { throw BenchmarkError("\(path) is empty where a library should be") }
    return (time, count)
}

/// Microseconds an entry of `find -ls`, with the kernel's dentries and inodes dropped before each pass.
private func findMicroseconds(_ place: Workplace, _ path: FilePath, passes: Int) throws -> Double {
    var times: [Double] = []
    for _ in 0..<passes {
        try place.drop(.dentriesAndInodes)
        let found = try findSeconds(place, path)
        times.append(found.seconds * 1e6 / Double(found.entries))
    }
    return median(times)
}

/// `find -ls` of a library, beside the origin itself and rclone's mount of it.
func measureFind(_ place: Workplace) throws -> [Row] {
    let origin = try place.library(tracks: tracks(place))
    let directories = try place.freshDirectories(origin: origin)
    var rows: [Row] = []
    let native = try findMicroseconds(place, origin, passes: 3)
    let ours = try place.withMount(directories) { mount in
        _ = try mount.command(["scan"])
        return try findMicroseconds(place, mount.point, passes: 5)
    }
    let name = "find_ls_cold"
    rows.append(
        Row(name: name, ours: ours, unit: "µs/entry", better: .lower, peer: ("native", native), target: 5))
    if place.hasRclone() {
        let peer = try place.withRclone(origin) { try findMicroseconds(place, $0.point, passes: 1) }
        rows.append(Row(name: name, ours: ours, unit: "µs/entry", better: .lower, peer: ("rclone mount", peer)))
    }
    return rows
}

/// One stat of each path after a fresh mount: the kernel knows nothing, the daemon is warm.
func measureStat(_ place: Workplace) throws -> [Row] {
    let origin = try place.library(tracks: tracks(place))
    let directories = try place.freshDirectories(origin: origin)
    let paths = try place.withMount(directories) { mount in
        _ = try mount.command(["scan"])
        return try files(below: mount.point)
    }
    let ours = try place.withMount(directories) { mount in
        // The daemon is warm, the kernel is not.
        _ = try statMicroseconds(place, mount.point, paths)
        try place.drop(.dentriesAndInodes)
        return try statMicroseconds(place, mount.point, paths)
    }
    let originPaths = try files(below: origin)
    try place.drop(.dentriesAndInodes)
    let native = try statMicroseconds(place, origin, originPaths)
    var rows = [
        Row(
            name: "stat_cold_p50", ours: median(ours), unit: "µs", better: .lower, peer: ("native", median(native)),
            target: 20),
        Row(
            name: "stat_cold_p99", ours: percentile(ours, 0.99), unit: "µs", better: .lower,
            peer: ("native", percentile(native, 0.99))),
    ]
    if place.hasRclone() {
        let peer = try place.withRclone(origin) { try statMicroseconds(place, $0.point, originPaths) }
        rows.append(
            Row(
                name: "stat_cold_p50", ours: median(ours), unit: "µs", better: .lower,
                peer: ("rclone mount", median(peer))))
    }
    return rows
}

private func files(below root: FilePath) throws -> [[UInt8]] {
    var files: [[UInt8]] = []
    var open: [[UInt8]] = [[]]
    while let folder = open.popLast() {
        let path = folder.isEmpty ? root : root.appending(folder)
        let directory = try MusicFSSystem.open(path, [.read, .directory])
        for entry in try listDirectory(directory.raw, path: path) {
            let child = folder.isEmpty ? entry.name : folder + [UInt8(ascii: "/")] + entry.name
            if entry.kind == .directory { open.append(child) } else { files.append(child) }
        }
    }
    return files
}

private func statMicroseconds(_ place: Workplace, _ root: FilePath, _ paths: [[UInt8]]) throws -> [Double] {
    var times: [Double] = []
    times.reserveCapacity(paths.count)
    for path in paths.map({ root.appending($0) }) {
        let begin = monotonicNanoseconds()
        _ = try FileStatus.ofLink(path)
        times.append(Double(monotonicNanoseconds() - begin) / 1000)
    }
    try place.checkpoint()
    return times
}

/// Eight opens at once of files in one directory, beside one, with nothing known to the kernel.
func measureLookups(_ place: Workplace) throws -> [Row] {
    let origin = try place.makeScratch("one-directory")
    let sample = try place.library(tracks: 300)
    let one = try files(below: sample).first { $0.suffix(5) == Array(".flac".utf8) }
    guard let one else { throw BenchmarkError("\(sample) has no FLAC file: delete it, so that it is made anew") }
    let bytes = try readFile(sample.appending(one))
    for number in 0..<64 { try writeFileAtomically(origin.appending("unread-\(number).flac"), bytes.dropLast(number)) }
    return try place.withMount(try place.freshDirectories(origin: origin)) { mount in
        _ = try mount.command(["scan"])
        let paths = try files(below: mount.point).map { mount.point.appending($0) }
        guard paths.count >= 9 else { throw BenchmarkError("the mount shows \(paths.count) of 64 files") }
        var single: [Double] = []
        var eight: [Double] = []
        for _ in 0..<(place.quick ? 3 : 41) {
            try place.drop(.dentriesAndInodes)
            single.append(try parallelOpenMicroseconds(paths[8..<9]))
            try place.drop(.dentriesAndInodes)
            eight.append(try parallelOpenMicroseconds(paths[..<8]))
        }
        return [
            Row(
                name: "open_eight_parallel_local", ours: median(eight), unit: "µs", better: .lower,
                peer: ("ours, one open", median(single)))
        ]
    }
}

/// How long it takes to open all of these files, each in a thread of its own, from a common start.
private func parallelOpenMicroseconds(_ paths: ArraySlice<FilePath>) throws -> Double {
    let gate = try makePipe()
    let done = try makePipe()
    for path in paths {
        try startThread("open") {
            _ = pollReadable([gate.read.raw], milliseconds: -1)
            let opened = (try? open(path, [.read])) != nil
            try? writeFully(done.write.raw, [opened ? 1 : 0])
        }
    }
    // Time for the threads to reach the gate.
    _ = pollReadable([], milliseconds: 5)
    let begin = monotonicNanoseconds()
    try writeFully(gate.write.raw, [1])
    var opened = 0
    var buffer = [UInt8](repeating: 0, count: paths.count)
    var answered = 0
    while answered < paths.count {
        guard !pollReadable([done.read.raw], milliseconds: 10_000).isEmpty else {
            throw BenchmarkError("an open took more than ten seconds")
        }
        let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe readOnce(done.read.raw, into: $0) }
        answered += count
        opened += buffer.prefix(count).count { $0 == 1 }
    }
    let time = Double(monotonicNanoseconds() - begin) / 1000
    if opened < paths.count { throw BenchmarkError("\(paths.count - opened) of \(paths.count) opens failed") }
    return time
}
