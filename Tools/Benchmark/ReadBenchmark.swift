import MusicFSSystem

/// Sequential reads of one large file: passed through to the kernel, through the daemon, natively, through rclone.
func measureRead(_ place: Workplace) throws -> [Row] {
    try measureRead(place, plan: "passthrough") + measureRead(place, plan: "direct")
}

private func measureRead(_ place: Workplace, plan: String) throws -> [Row] {
    let origin = try place.makeScratch("large-\(plan)")
    let size = place.quick ? 64 << 20 : 1 << 30
    let file = origin.appending("Large.wav")
    try writeWave(file, dataBytes: size)
    let passes = place.quick ? 3 : 9
    var rows: [Row] = []
    var directories = try place.freshDirectories(origin: origin)
    directories.allowsPassthrough = plan == "passthrough"
    try place.withMount(directories) { mount in
        _ = try mount.command(["scan"])
        let shown = try onlyFile(below: mount.point)
        _ = try readRate(file)
        var native: [Double] = []
        var cold: [Double] = []
        var warm: [Double] = []
        for _ in 0..<passes {
            try place.checkpoint()
            native.append(try readRate(file))
            if plan == "direct" {
                // The origin's pages stay; only the mount's go.
                let file = try open(shown, [.read])
                try dropCachedPages(file.raw)
                try file.close()
                cold.append(try readRate(shown))
            }
            warm.append(try readRate(shown))
        }
        let peer = ("native", median(native))
        if plan == "direct" {
            rows.append(
                Row(
                    name: "read_direct_cold", ours: median(cold), unit: "GB/s", better: .higher, peer: peer, target: 1.4
                ))
            rows.append(
                Row(
                    name: "read_direct_warm", ours: median(warm), unit: "GB/s", better: .higher, peer: peer,
                    targetRatio: 0.9))
        } else {
            rows.append(
                Row(
                    name: "read_passthrough", ours: median(warm), unit: "GB/s", better: .higher, peer: peer,
                    targetRatio: 0.97))
        }
    }
    if place.hasRclone(), let ours = rows.first {
        let peer = try place.withRclone(origin) { mount in
            var rates: [Double] = []
            for _ in 0..<3 {
                try place.drop(.pages)
                if plan == "passthrough" { _ = try readRate(file) }
                rates.append(try readRate(mount.point.appending("Large.wav")))
            }
            return median(rates)
        }
        rows.append(
            Row(name: ours.name, ours: ours.ours, unit: "GB/s", better: .higher, peer: ("rclone mount", peer)))
    }
    return rows
}

/// Gigabytes (10⁹) a second of one pass in blocks of 1 MiB.
func readRate(_ path: FilePath) throws -> Double {
    let file = try open(path, [.read])
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var total: Int64 = 0
    let time = try seconds {
        while true {
            let offset = total
            let count = try unsafe buffer.withUnsafeMutableBytes {
                try unsafe readFully(file.raw, into: $0, at: offset)
            }
            total += Int64(count)
            if count < buffer.count { break }
        }
    }
    if total < 1 << 20 { throw BenchmarkError("\(path) has only \(total) bytes") }
    return Double(total) / time / 1e9
}

/// A PCM wave file: RIFF header, format chunk, data chunk (Microsoft's Multimedia Programming Interface 1.0).
///
/// - Parameter seed: files of different seeds have no chunk in common, nor has one file two equal ones.
func writeWave(_ path: FilePath, dataBytes: Int, seed: Int = 0) throws {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    var header = Array("RIFF".utf8) + little(36 + dataBytes, 4) + Array("WAVEfmt ".utf8) + little(16, 4)
    // PCM, 2 channels, 44,100 Hz, 16 bits.
    header += little(1, 2) + little(2, 2) + little(44_100, 4) + little(176_400, 4) + little(4, 2) + little(16, 2)
    header += Array("data".utf8) + little(dataBytes, 4)
    let file = try open(path, [.write, .create, .truncate])
    try writeFully(file.raw, header)
    var block = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    for index in 0..<(dataBytes >> 20) {
        for part in 0..<16 {
            block.replaceSubrange((part << 16)..<((part << 16) + 8), with: little(seed << 32 + index << 4 + part, 8))
        }
        try writeFully(file.raw, block)
    }
    try file.close()
}

func onlyFile(below root: FilePath) throws -> FilePath {
    var path = root
    while true {
        let directory = try open(path, [.read, .directory])
        let entries = try listDirectory(directory.raw, path: path).filter { $0.name.first != UInt8(ascii: ".") }
        guard entries.count == 1, let entry = entries.first else {
            throw BenchmarkError("\(path) has \(entries.count) entries where one was expected")
        }
        path = path.appending(entry.name)
        if entry.kind != .directory { return path }
    }
}
