import MusicFSSystem
import TestSupport

/// A WebDAV server of this machine behind a line that makes every byte 25 ms late in each direction.
///
/// Rows: the first pass through a large file, a second one from the cache, and the first bytes after a seek.
func measureRemote(_ place: Workplace) throws -> [Row] {
    guard RcloneServer.isAvailable else {
        place.say("there is no rclone to serve files: `make test-packages` installs it; its rows are left out")
        return []
    }
    let origin = try place.makeScratch("served")
    let size = place.quick ? 64 << 20 : 512 << 20
    // One file for each pass, so that none was read before.
    let passes = place.quick ? 1 : 3
    for pass in 0..<passes {
        let folder = origin.appending("Album \(pass)")
        try createDirectories(folder)
        try writeWave(folder.appending("Large.wav"), dataBytes: size, seed: pass + 1)
    }
    let server = try RcloneServer(.webdav, origin)
    let proxy = try TCPProxy(target: server.port)
    proxy.latency = 0.025
    let ours = try measureOurs(place, server, proxy, passes)
    let peer = try measureRclone(place, origin, proxy, passes)
    // What a line of one gigabit a second carries: without a limit the two are bound by this machine's processors.
    proxy.rate = 125_000_000
    let oursAtLimit = try measureOurs(place, server, proxy, passes)
    let peerAtLimit = try measureRclone(place, origin, proxy, passes)
    return [
        Row(
            name: "remote_gigabit_50ms", ours: median(oursAtLimit.first), unit: "MB/s", better: .higher,
            peer: ("rclone vfs full", median(peerAtLimit.first)), targetRatio: 0.8),
        Row(
            name: "remote_sequential_50ms", ours: median(ours.first), unit: "MB/s", better: .higher,
            peer: ("rclone vfs full", median(peer.first)), targetRatio: 0.8),
        Row(
            name: "remote_seek_50ms", ours: median(ours.seek), unit: "ms", better: .lower,
            peer: ("rclone vfs full", median(peer.seek)), target: 150),
        Row(
            name: "remote_cached", ours: median(ours.again) / 1000, unit: "GB/s", better: .higher,
            peer: ("rclone vfs full", median(peer.again) / 1000), target: 1.0),
    ]
}

/// What the passes gave: megabytes (10⁶) a second, and milliseconds.
private struct Passes {
    var first: [Double] = []
    var again: [Double] = []
    var seek: [Double] = []
}

private func measureOurs(
    _ place: Workplace, _ server: RcloneServer, _ proxy: TCPProxy, _ passes: Int
) throws -> Passes {
    return try place.withMount(try place.freshDirectories(server, proxy)) { mount in
        _ = try mount.command(["scan"])
        return try measure(place, try wholeFiles(below: mount.point), passes)
    }
}

private func measureRclone(
    _ place: Workplace, _ origin: FilePath, _ proxy: TCPProxy, _ passes: Int
) throws -> Passes {
    let cache = try place.makeScratch("rclone-cache")
    let obscured = try place.run(["rclone", "obscure", RcloneServer.password]).filter { $0 != "\n" }
    let remote =
        ":webdav,url='http://127.0.0.1:\(proxy.port)/',vendor=other,user=\(RcloneServer.user),pass=\(obscured):"
    let options = ["--vfs-cache-mode", "full", "--cache-dir", cache.description]
    return try place.withRclone(remote: remote, options: options) { mount in
        try measure(place, try wholeFiles(below: mount.point), passes)
    }
}

private func measure(_ place: Workplace, _ files: [FilePath], _ passes: Int) throws -> Passes {
    var result = Passes()
    for file in files.prefix(passes) {
        try place.checkpoint()
        // In the last eighth of the file, where nothing was read.
        result.seek.append(try seekTime(file))
        result.first.append(try readRate(file) * 1000)
    }
    for file in files.prefix(passes) {
        // The pages of the cache's own files stay; only the mount's go.
        let open = try open(file, [.read])
        try dropCachedPages(open.raw)
        try open.close()
        result.again.append(try readRate(file) * 1000)
    }
    return result
}

/// Milliseconds of the first 64 KiB at seven eighths of an open file.
private func seekTime(_ path: FilePath) throws -> Double {
    let file = try open(path, [.read])
    let offset = try FileStatus.of(file).size / 8 * 7
    return try seconds { _ = try readFully(file.raw, at: offset, count: 64 << 10) } * 1000
}

/// All files of a tree, in the order of their paths.
func wholeFiles(below root: FilePath) throws -> [FilePath] {
    let directory = try open(root, [.read, .directory])
    var files: [FilePath] = []
    for entry in try listDirectory(directory.raw, path: root).sorted(by: { $0.name.lexicographicallyPrecedes($1.name) })
    where entry.name.first != UInt8(ascii: ".") {
        let path = root.appending(entry.name)
        if entry.kind == .directory { files += try wholeFiles(below: path) } else { files.append(path) }
    }
    return files
}
