import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// Whether servers of all kinds can be started here. CI must be able to.
let canServe: Bool = {
    if RcloneServer.isAvailable, SSHServer.isAvailable { return true }
    if ThisProcess.environment["CI"] == "true" { return true }
    print("tests with far-away origins are skipped: run 'make test-packages' for rclone and sshd")
    return false
}()

/// Sections of a configuration for servers of the tests.
enum Section {
    static let quick = """
        [health]
        interval = "500ms"
        timeout = "1s"
        """

    static func sftp(_ server: SSHServer, _ path: FilePath, id: String = "server", port: Int? = nil, extra: String = "")
        throws -> String
    {
        if let port { try server.trust(port: port) }
        return """
            [[origins]]
            id = "\(id)"
            type = "sftp"
            host = "127.0.0.1"
            port = \(port ?? server.port)
            user = "\(NSUserName())"
            path = "\(path)"
            known_hosts = "\(server.knownHosts)"
            credentials = "key:\(server.key)"
            \(extra)

            """
    }

    static func s3(_ server: RcloneServer, bucket: String, id: String = "bucket", port: Int? = nil, extra: String = "")
        -> String
    {
        """
        [[origins]]
        id = "\(id)"
        type = "s3"
        bucket = "\(bucket)"
        endpoint = "http://127.0.0.1:\(port ?? server.port)"
        path_style = true
        credentials = "file:\(server.credentials)"
        \(extra)

        """
    }

    static func webdav(_ server: RcloneServer, id: String = "dav", port: Int? = nil, extra: String = "") -> String {
        """
        [[origins]]
        id = "\(id)"
        type = "webdav"
        url = "http://127.0.0.1:\(port ?? server.port)/"
        credentials = "file:\(server.credentials)"
        \(extra)

        """
    }

    static func directory(_ path: FilePath, id: String, type: String, extra: String = "") -> String {
        """
        [[origins]]
        id = "\(id)"
        type = "\(type)"
        path = "\(path)"
        \(extra)

        """
    }
}

/// Writes random bytes behind a header that makes them audio.
func writeAudio(_ path: FilePath, megabytes: Int) throws {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let size = megabytes << 20
    var header = Array("RIFF".utf8) + little(36 + size, 4) + Array("WAVEfmt ".utf8) + little(16, 4)
    header += little(1, 2) + little(2, 2) + little(44_100, 4) + little(176_400, 4) + little(4, 2) + little(16, 2)
    header += Array("data".utf8) + little(size, 4)
    try createDirectories(path.parent)
    try writeFileAtomically(path, header, mode: 0o644)
    let outcome = try shell("head -c \(size) /dev/urandom >> '\(path)'")
    try #require(outcome.status == 0, "\(outcome.text)")
}

extension MountedLibrary {
    /// Waits until every origin was scanned.
    func startAndScan(origins: Int) throws {
        try start(waitsForScan: false)
        let isDone = eventually(60) { log.components(separatedBy: "sync: scanned").count > origins }
        try #require(isDone, "not all origins were scanned: \(log)")
    }

    /// Makes the kernel ask the daemon for every byte.
    func dropKernelCaches() throws { _ = try shell("sync; echo 3 > /proc/sys/vm/drop_caches") }

    /// The sum over the origin's file that each file of the mount shows, compared with what reading gives.
    func differences(of files: [String], originals: (String) throws -> String?) throws -> [String] {
        try files.filter { file in
            guard let original = try originals(file) else { return true }
            return try run("cmp", "-s", mount.appending(file).description, original).status != 0
        }
    }

    struct CacheStats: Decodable {
        struct Origin: Decodable {
            var id: String
            var fetched_bytes: Int
            var requests: Int
            var errors: Int
        }
        var used_bytes: Int
        var pinned_bytes: Int
        var max_bytes: Int
        var chunks: Int
        var hits: Int
        var misses: Int
        var origins: [Origin]
    }

    func cacheStats() throws -> CacheStats {
        let answer = try run(Programs.musicfs, "cache", "stats", "--name", name, "--json")
        return try JSONDecoder().decode(CacheStats.self, from: Data(answer.text.utf8))
    }

    struct PrefetchStatus: Decodable {
        struct Item: Decodable {
            var path: String
            var reason: String
        }
        var running: [Item]
        var pending: [Item]
        var fetched_files: Int
        var used_files: Int
    }

    func prefetchStatus() throws -> PrefetchStatus {
        let answer = try run(Programs.musicfs, "prefetch", "status", "--name", name, "--json")
        return try JSONDecoder().decode(PrefetchStatus.self, from: Data(answer.text.utf8))
    }

    /// Whether all that is fetched ahead has come before long.
    func hasNothingAhead() throws -> Bool {
        try eventually(20) {
            let status = try prefetchStatus()
            return status.running.isEmpty && status.pending.isEmpty
        }
    }

    func musicfs(_ arguments: String...) throws -> Outcome {
        try run([Programs.musicfs] + arguments + ["--name", name])
    }

    /// Sums of all files, by the content alone.
    static func sums(_ directory: FilePath) throws -> [String] {
        try shell("find '\(directory)' -type f -exec md5sum {} + | cut -c1-32 | sort").text
            .split(separator: "\n").map(String.init)
    }
}
