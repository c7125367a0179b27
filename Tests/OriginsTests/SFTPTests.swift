import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSOrigins

/// SFTP against sshd and against rclone's server: logging in, and a line that is hardly one.
@Suite(.enabled(if: canServe)) struct SFTPTests {
    private let recorder = LogRecorder()

    private func origin(
        _ credentials: String, host: String = "127.0.0.1", port: Int, user: String = NSUserName(), _ root: FilePath,
        knownHosts: FilePath, environment: [String: String] = [:]
    ) throws -> SFTPOrigin {
        let settings = try #require(
            SFTPSettings(
                host: host, port: port, user: user, path: root, knownHosts: knownHosts, credentials: credentials,
                connections: 4, environment: environment))
        return SFTPOrigin(
            id: 1, name: "sftp", settings: settings, lane: try makeLane(), timeout: .seconds(5), log: recorder.log)
    }

    private func run(_ arguments: [String]) throws {
        let result = try runProgram(arguments)
        guard result.status == 0 else {
            throw ServerError("\(arguments) failed: \(String(decoding: result.output, as: UTF8.self))")
        }
    }

    @Test func aPasswordLetsIn() throws {
        let directory = try TestDirectory()
        try writeFileAtomically(directory.path.appending("a.mp3"), ScriptedBucket.content, mode: 0o644)
        let server = try RcloneServer(.sftp, directory.path)
        let knownHosts = server.directory.path.appending("known_hosts")
        func origin(_ file: FilePath, user: String = RcloneServer.user) throws -> SFTPOrigin {
            try self.origin("file:\(file)", port: server.port, user: user, "/", knownHosts: knownHosts)
        }
        let found = try origin(server.credentials)
        let stamp = try #require(try found.walk()["a.mp3"])
        #expect(try found.part(of: "a.mp3", stamp, 100..<4000) == Array(ScriptedBucket.content[100..<4000]))
        let wrong = directory.path.appending("wrong")
        try writeFileAtomically(wrong, bytes("password = \"\(TestSecret.password)\"\n"))
        #expect(code { try origin(wrong).check(deadline: deadline()) } == .permission)
        #expect(code { try origin(server.credentials, user: "other").check(deadline: deadline()) } == .permission)
        let shared = directory.path.appending("shared")
        try writeFileAtomically(shared, bytes("password = \"\(RcloneServer.password)\"\n"), mode: 0o644)
        #expect(code { try origin(shared).check(deadline: deadline()) } == .permission)
        recorder.expectNoSecrets()
    }

    @Test func aKeyWithAPassphraseLetsIn() throws {
        let server = try SSHServer()
        let home = server.directory.path
        let locked = home.appending("locked")
        try FileManager.default.copyItem(atPath: server.key.description, toPath: locked.description)
        try run(["ssh-keygen", "-q", "-p", "-P", "", "-N", TestSecret.password, "-f", locked.description])
        let file = home.appending("ssh.toml")
        func check(_ passphrase: String) throws {
            try writeFileAtomically(file, bytes("key = \"\(locked)\"\n\(passphrase)"))
            try origin("file:\(file)", port: server.port, home, knownHosts: server.knownHosts)
                .check(deadline: deadline())
        }
        try check("passphrase = \"\(TestSecret.password)\"\n")
        #expect(code { try check("passphrase = \"\(TestSecret.key)\"\n") } == .permission)
        #expect(code { try check("") } == .permission)
    }

    @Test func anAgentLetsIn() throws {
        let server = try SSHServer()
        let home = server.directory.path
        let socket = home.appending("agent").description
        // Not Foundation's: such a child would inherit a mask in which SIGTERM is blocked.
        let agent = try ChildProcess.start("/usr/bin/ssh-agent", arguments: ["ssh-agent", "-D", "-a", socket])
        defer {
            agent.send(SIGKILL)
            _ = agent.wait(until: monotonicNanoseconds() &+ 5_000_000_000)
        }
        let end = Date().addingTimeInterval(10)
        while !FileManager.default.fileExists(atPath: socket), Date() < end { usleep(10_000) }
        let environment = ["SSH_AUTH_SOCK": socket]
        func origin() throws -> SFTPOrigin {
            try self.origin(
                "agent", port: server.port, home, knownHosts: server.knownHosts, environment: environment)
        }
        #expect(code { try origin().check(deadline: deadline()) } == .permission, "an agent without keys")
        // A key that the server does not know comes first.
        for name in ["host", "user"] {
            try run(["env", "SSH_AUTH_SOCK=\(socket)", "ssh-add", "-q", home.appending(name).description])
        }
        try origin().check(deadline: deadline())
        for environment in [[:], ["SSH_AUTH_SOCK": "/none/there"]] {
            let none = failure {
                try self.origin(
                    "agent", port: server.port, home, knownHosts: server.knownHosts, environment: environment
                ).check(deadline: deadline())
            }
            #expect(none?.code == .permission && none?.message.contains("ssh-agent") == true)
        }
    }

    @Test func aLineThatTricklesIsGivenUpAtTheDeadline() throws {
        let server = try SSHServer()
        let root = server.directory.path.appending("music")
        try createDirectories(root)
        var random = SeededGenerator(seed: 5)
        let content = (0..<400_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        try writeFileAtomically(root.appending("a.mp3"), content, mode: 0o644)
        for index in 0..<3000 {
            try writeFileAtomically(
                root.appending("\(index) \(String(repeating: "x", count: 80)).mp3"), [], mode: 0o644)
        }
        let proxy = try TCPProxy(target: server.port)
        try server.trust(port: proxy.port)
        let origin = try origin("key:\(server.key)", port: proxy.port, root, knownHosts: server.knownHosts)
        let stamp = try origin.status(bytes("a.mp3"), deadline: deadline()).stamp
        for operation in [
            { _ = try origin.part(of: "a.mp3", stamp, 0..<content.count, within: 1) },
            { _ = try origin.listing(within: 1) },
        ] {
            try origin.check(deadline: deadline())
            proxy.rate = 60_000
            let begin = monotonicNanoseconds()
            #expect(code(operation) == .unreachable)
            #expect(monotonicNanoseconds() - begin < 2_500_000_000)
            proxy.rate = 0
        }
        #expect(try origin.part(of: "a.mp3", stamp, 0..<content.count) == content)
        #expect(try origin.listing().count == 3001)
    }

    @Test func aKnownAddressDoesWithoutItsNameForAWhile() throws {
        let server = try SSHServer()
        let home = server.directory.path
        try writeFileAtomically(home.appending("a.mp3"), ScriptedBucket.content, mode: 0o644)
        let knownHosts = home.appending("known")
        let key = String(decoding: try readFile(home.appending("host.pub")), as: UTF8.self)
        try writeFileAtomically(knownHosts, bytes("[music.invalid]:\(server.port) \(key)"))
        let origin = try origin(
            "key:\(server.key)", host: "music.invalid", port: server.port, home, knownHosts: knownHosts)
        #expect(code { _ = try origin.status(bytes("a.mp3"), deadline: deadline()) } == .nameResolution)
        origin.addresses.note("music.invalid", "127.0.0.1")
        #expect(code { try origin.check(deadline: deadline()) } == .nameResolution)
        for _ in 0..<3 {
            #expect(try origin.status(bytes("a.mp3"), deadline: deadline()).stamp.size == 5000)
        }
        #expect(recorder.warnings.count == 1)
    }

    @Test func anEmptyFileAndOneThatIsCutWhileItIsRead() throws {
        let server = try SSHServer()
        let root = server.directory.path.appending("music")
        try createDirectories(root)
        try writeFileAtomically(root.appending("empty.mp3"), [], mode: 0o644)
        try writeFileAtomically(root.appending("a.mp3"), ScriptedBucket.content, mode: 0o644)
        let origin = try origin("key:\(server.key)", port: server.port, root, knownHosts: server.knownHosts)
        let found = try origin.walk()
        let empty = try #require(found["empty.mp3"])
        #expect(try origin.part(of: "empty.mp3", empty, 0..<0) == [])
        let stamp = try #require(found["a.mp3"])
        #expect(try origin.part(of: "a.mp3", stamp, 0..<2000) == Array(ScriptedBucket.content[..<2000]))
        // In place, while the file is held open.
        let file = try #require(FileHandle(forWritingAtPath: root.appending("a.mp3").description))
        try file.truncate(atOffset: 1000)
        #expect(code { _ = try origin.part(of: "a.mp3", stamp, 2000..<4000) } == .changed)
        #expect(code { _ = try origin.part(of: "a.mp3", stamp, 500..<1500) } == .changed)
    }
}
