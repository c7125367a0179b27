import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSOrigins

let canServe: Bool = {
    if RcloneServer.isAvailable, SSHServer.isAvailable { return true }
    if ThisProcess.environment["CI"] == "true" { return true }
    print("tests of far-away origins are skipped: run 'make test-packages' for rclone and sshd")
    return false
}()

/// The backends against real servers: what they list and read, and what they say when something is wrong.
@Suite(.enabled(if: canServe)) struct ServerTests {
    private func lane() throws -> IOLane {
        try IOLane(name: "test", deadline: .seconds(5), timer: try DeadlineTimer(clock: SystemClock()))
    }

    private var deadline: UInt64 { monotonicNanoseconds() + 5_000_000_000 }

    private func files(_ root: FilePath, _ count: Int) throws -> [String: [UInt8]] {
        var random = SeededGenerator(seed: 7)
        var files: [String: [UInt8]] = [:]
        for number in 0..<count {
            let folder = ["", "a/", "a/b/", "a b+%é😀/", "z/"][number % 5]
            let bytes = (0..<Int.random(in: 0...3000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let name = "\(folder)\(number) +%&é.mp3"
            try createDirectories(root.appending(folder))
            try writeFileAtomically(root.appending(name), bytes, mode: 0o644)
            files[name] = bytes
        }
        return files
    }

    private func s3(_ server: RcloneServer, bucket: String = "music", credentials: String? = nil) throws -> S3Origin {
        let source = AmazonCredentials(parsing: credentials ?? "file:\(server.credentials)")
        return S3Origin(
            id: 1, name: "s3",
            settings: S3Settings(
                bucket: bucket, prefix: "", region: "us-east-1", endpoint: "http://127.0.0.1:\(server.port)",
                usesPathStyle: true, credentials: try #require(source), certificates: nil),
            lane: try lane(), timeout: .seconds(5), log: .disabled)
    }

    private func webdav(_ server: RcloneServer) throws -> WebDAVOrigin {
        let settings = try #require(
            WebDAVSettings(
                url: "http://127.0.0.1:\(server.port)/", credentials: "file:\(server.credentials)", certificates: nil))
        return WebDAVOrigin(
            id: 1, name: "dav", settings: settings, lane: try lane(), timeout: .seconds(5), log: .disabled)
    }

    private func sftp(_ server: SSHServer, _ root: FilePath, knownHosts: FilePath? = nil, key: FilePath? = nil) throws
        -> SFTPOrigin
    {
        let settings = try #require(
            SFTPSettings(
                host: "127.0.0.1", port: server.port, user: NSUserName(), path: root,
                knownHosts: knownHosts ?? server.knownHosts, credentials: "key:\(key ?? server.key)", connections: 4))
        return SFTPOrigin(
            id: 1, name: "sftp", settings: settings, lane: try lane(), timeout: .seconds(5), log: .disabled)
    }

    /// Walks folder by folder.
    private func walk(_ origin: any Origin) throws -> [String: FileStamp] {
        var found: [String: FileStamp] = [:]
        var folders: [[UInt8]] = [[]]
        while let folder = folders.popLast() {
            for entry in try origin.list(folder, deadline: deadline, isWanted: { _ in true }) {
                let path = folder.isEmpty ? entry.name : folder + [UInt8(ascii: "/")] + entry.name
                if entry.kind == .folder {
                    folders.append(path)
                } else {
                    found[String(decoding: path, as: UTF8.self)] = entry.stamp
                }
            }
        }
        return found
    }

    private func check(_ origin: any Origin, _ files: [String: [UInt8]]) throws {
        let found = try walk(origin)
        #expect(Set(found.keys) == Set(files.keys))
        for (name, bytes) in files where !bytes.isEmpty {
            let stamp = try #require(found[name])
            #expect(stamp.size == Int64(bytes.count))
            #expect(try origin.status(Array(name.utf8), deadline: deadline).stamp.size == stamp.size)
            let start = bytes.count / 3
            var part = [UInt8](repeating: 0, count: bytes.count - start)
            try unsafe part.withUnsafeMutableBytes {
                unsafe try origin.read(Array(name.utf8), stamp, at: Int64(start), into: $0, deadline: deadline)
            }
            #expect(part == Array(bytes[start...]))
        }
    }

    @Test func aBucketIsListedAndRead() throws {
        let directory = try TestDirectory()
        // Three pages of a listing.
        let files = try files(directory.path.appending("music"), 2500)
        let server = try RcloneServer(.s3, directory.path)
        let origin = try s3(server)
        let some = files.filter { $0.key.contains("7") }
        let found = try walk(origin)
        #expect(Set(found.keys) == Set(files.keys))
        for (name, bytes) in some.prefix(40) { #expect(found[name]?.size == Int64(bytes.count)) }
        var listed: [String: FileStamp] = [:]
        try origin.listAll(below: [], isWanted: { _ in true }, progress: { true }) { folder, entries in
            for entry in entries {
                let path = folder.isEmpty ? entry.name : folder + [UInt8(ascii: "/")] + entry.name
                listed[String(decoding: path, as: UTF8.self)] = entry.stamp
            }
        }
        #expect(listed == found)
    }

    @Test func everyBackendReadsWhatItLists() throws {
        let directory = try TestDirectory()
        let root = directory.path.appending("music")
        let files = try files(root, 40)
        let bucket = try RcloneServer(.s3, directory.path)
        try check(try s3(bucket), files)
        let dav = try RcloneServer(.webdav, root)
        try check(try webdav(dav), files)
        let ssh = try SSHServer()
        try check(try sftp(ssh, root), files)
        withExtendedLifetime((bucket, dav, ssh)) {}
    }

    @Test func anotherVersionIsNeverRead() throws {
        let directory = try TestDirectory()
        let root = directory.path.appending("music")
        try createDirectories(root)
        try writeFileAtomically(root.appending("one.mp3"), [UInt8](repeating: 1, count: 1000), mode: 0o644)
        let server = try RcloneServer(.s3, directory.path, seesChanges: true)
        let dav = try RcloneServer(.webdav, root, seesChanges: true)
        let ssh = try SSHServer()
        for origin: any Origin in [try s3(server), try webdav(dav), try sftp(ssh, root)] {
            try writeFileAtomically(root.appending("one.mp3"), [UInt8](repeating: 1, count: 1000), mode: 0o644)
            let stamp = try #require(try walk(origin)["one.mp3"])
            try writeFileAtomically(root.appending("one.mp3"), [UInt8](repeating: 2, count: 1200), mode: 0o644)
            var bytes = [UInt8](repeating: 0, count: 100)
            let result = code {
                try unsafe bytes.withUnsafeMutableBytes {
                    unsafe try origin.read(Array("one.mp3".utf8), stamp, at: 0, into: $0, deadline: deadline)
                }
            }
            #expect(result == .changed)
            try unlink(root.appending("one.mp3"))
            #expect(code { _ = try origin.status(Array("one.mp3".utf8), deadline: deadline) } == .notFound)
        }
    }

    @Test func whatIsWrongIsSaidAndIsNeverAbsence() throws {
        let directory = try TestDirectory()
        try createDirectories(directory.path.appending("music"))
        let server = try RcloneServer(.s3, directory.path)
        let wrong = directory.path.appending("wrong")
        try writeFileAtomically(wrong, Array("access_key_id = \"KEYID\"\nsecret_access_key = \"other\"\n".utf8))
        #expect(code { try s3(server, credentials: "file:\(wrong)").check(deadline: deadline) } == .permission)
        let noBucket = code { try s3(server, bucket: "nothing").check(deadline: deadline) }
        #expect(noBucket == .invalid, "\(String(describing: noBucket))")
        // Credentials that others can read.
        let shared = directory.path.appending("shared")
        try writeFileAtomically(shared, Array("access_key_id = \"KEYID\"\n".utf8), mode: 0o644)
        #expect(code { try s3(server, credentials: "file:\(shared)").check(deadline: deadline) } == .permission)
        let origin = try s3(server)
        server.stop()
        #expect(code { try origin.check(deadline: deadline) } == .unreachable)
        #expect(code { _ = try origin.status([97], deadline: deadline) } == .unreachable)
    }

    @Test func hostsThatAreNotKnownAreRefused() throws {
        let server = try SSHServer()
        let root = server.directory.path
        try sftp(server, root).check(deadline: deadline)
        let missing = root.appending("no-such-file")
        #expect(code { try sftp(server, root, knownHosts: missing).check(deadline: deadline) } == .permission)
        let empty = root.appending("empty")
        try writeFileAtomically(empty, [])
        #expect(code { try sftp(server, root, knownHosts: empty).check(deadline: deadline) } == .permission)
        // Another key for the same host: the user's own.
        let other = root.appending("other")
        let key = String(decoding: try readFile(root.appending("user.pub")), as: UTF8.self)
        try writeFileAtomically(other, Array("[127.0.0.1]:\(server.port) \(key)".utf8))
        #expect(code { try sftp(server, root, knownHosts: other).check(deadline: deadline) } == .permission)
        #expect(code { try sftp(server, root, key: root.appending("host")).check(deadline: deadline) } == .permission)
    }

    @Test func aServerThatWasRestartedIsConnectedToAgain() throws {
        let server = try SSHServer()
        let proxy = try TCPProxy(target: server.port)
        try server.trust(port: proxy.port)
        let settings = try #require(
            SFTPSettings(
                host: "127.0.0.1", port: proxy.port, user: NSUserName(), path: server.directory.path,
                knownHosts: server.knownHosts, credentials: "key:\(server.key)", connections: 4))
        let origin = SFTPOrigin(
            id: 1, name: "sftp", settings: settings, lane: try lane(), timeout: .seconds(5), log: .disabled)
        try origin.check(deadline: deadline)
        proxy.cut()
        try origin.check(deadline: deadline)
        proxy.isFrozen = true
        let begin = monotonicNanoseconds()
        #expect(code { try origin.check(deadline: monotonicNanoseconds() + 1_000_000_000) } == .unreachable)
        #expect(monotonicNanoseconds() - begin < 3_000_000_000)
        proxy.isFrozen = false
        try origin.check(deadline: deadline)
    }

    @Test func linksAreFollowedInsideAlone() throws {
        let server = try SSHServer()
        let root = server.directory.path.appending("music")
        try createDirectories(root.appending("a"))
        try writeFileAtomically(root.appending("a/in.mp3"), [1, 2, 3], mode: 0o644)
        for (link, target) in [
            ("in.mp3", "a/in.mp3"), ("out", "../user"), ("loop", "."), ("folder", "a"), ("dead", "x"),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: root.appending(link).description, withDestinationPath: target)
        }
        let entries = try sftp(server, root).list([], deadline: deadline, isWanted: { _ in true })
        let names = Set(entries.map { String(decoding: $0.name, as: UTF8.self) })
        #expect(names == ["a", "in.mp3", "folder"])
        #expect(entries.filter(\.isLink).count == 2)
    }
}
