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
    let passes = place.quick ? 1 : 5
    for pass in 0..<passes {
        let folder = origin.appending("Album \(pass)")
        try createDirectories(folder)
        try writeWave(folder.appending("Large.wav"), dataBytes: size, seed: pass + 1)
    }
    let server = try RcloneServer(.webdav, origin)
    let proxy = try TCPProxy(target: server.port)
    proxy.latency = 0.025
    let (ours, peer) = try measureBoth(place, origin, server, proxy, passes)
    // What a line of one gigabit a second carries: without a limit the two are bound by this machine's processors.
    proxy.rate = 125_000_000
    let (oursAtLimit, peerAtLimit) = try measureBoth(place, origin, server, proxy, passes)
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

/// Both mounts beside each other, and a file through the one and then through the other: what changes on the machine
/// in the meantime is the same for both.
private func measureBoth(
    _ place: Workplace, _ origin: FilePath, _ server: RcloneServer, _ proxy: TCPProxy, _ passes: Int
) throws -> (ours: Passes, peer: Passes) {
    let cache = try place.makeScratch("rclone-cache")
    let obscured = try place.run(["rclone", "obscure", RcloneServer.password]).filter { $0 != "\n" }
    let remote =
        ":webdav,url='http://127.0.0.1:\(proxy.port)/',vendor=other,user=\(RcloneServer.user),pass=\(obscured):"
    let options = ["--vfs-cache-mode", "full", "--cache-dir", cache.description]
    // Or the next file would be fetched while the other mount is measured.
    let directories = try place.freshDirectories(server, proxy, configuration: "[prefetch]\nenabled = false")
    return try place.withMount(directories) { mount in
        _ = try mount.command(["scan"])
        return try place.withRclone(remote: remote, options: options) { peerMount in
            let files = try [mount.point, peerMount.point].map { try wholeFiles(below: $0) }
            var result = [Passes(), Passes()]
            for pass in 0..<passes {
                for side in result.indices { try measureFirst(place, files[side][pass], &result[side]) }
            }
            for pass in 0..<passes {
                for side in result.indices { try measureAgain(place, files[side][pass], &result[side]) }
            }
            return (result[0], result[1])
        }
    }
}

/// A seek into a file that nobody has read, and all of it.
private func measureFirst(_ place: Workplace, _ file: FilePath, _ passes: inout Passes) throws {
    try place.checkpoint()
    // What the pass before has left to be written back is not to be written in this one.
    try place.run(["sync"])
    // In the last eighth of the file, where nothing was read.
    passes.seek.append(try seekTime(file))
    passes.first.append(try readRate(file) * 1000)
}

/// A file that is in the cache.
private func measureAgain(_ place: Workplace, _ file: FilePath, _ passes: inout Passes) throws {
    // The pages of the cache's own files stay; only the mount's go.
    let open = try open(file, [.read])
    try dropCachedPages(open.raw)
    try open.close()
    passes.again.append(try readRate(file) * 1000)
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
