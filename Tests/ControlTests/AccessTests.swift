import Foundation
import MusicFSControl
import MusicFSSystem
import Testing

/// Only an administrator can ask as somebody else.
let canChangeUser = ThisProcess.user == 0 || ProcessInfo.processInfo.environment["CI"] == "true"

/// Who is answered on the Unix socket and on TCP.
@Suite struct AccessTests {
    /// The status that a program with these numbers gets.
    private func status(_ socket: FilePath, user: Int, group: Int, groups: [UInt32] = []) throws -> String {
        let others = groups.isEmpty ? "--clear-groups" : "--groups=" + groups.map(String.init).joined(separator: ",")
        return try run(
            "/usr/bin/setpriv",
            [
                "--reuid=\(user)", "--regid=\(group)", others, curl, "-s", "--max-time", "10", "--unix-socket",
                socket.description, "-w", " %{http_code}", "http://localhost/v1/ping",
            ]
        ).output
    }

    @Test(.enabled(if: canChangeUser && hasCurl)) func theKernelIsAskedWhoAsks() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let number = try #require(try groupID(named: "audio"))
        for group in [nil, "audio"] {
            let server = try ControlServer(socketPath: path, group: group, routes: echo)
            // Without the file's mode nothing but the check is left.
            try setMode(path, 0o666)
            let other = try status(path, user: 4711, group: 4711)
            #expect(other.hasSuffix(" 403") && other.contains("4711") && other.contains("remedy"), "\(other)")
            #expect(try status(path, user: 4711, group: 4711, groups: [4712]).hasSuffix(" 403"))
            let answer = group == nil ? " 403" : " 200"
            #expect(try status(path, user: 4711, group: 4711, groups: [4712, number]).hasSuffix(answer))
            #expect(try status(path, user: 4711, group: Int(number)).hasSuffix(answer))
            #expect(try status(path, user: 0, group: 4711) == "{\"pong\":true} 200")
            // A refused body is not waited for either.
            let post = try run(
                "/usr/bin/setpriv",
                [
                    "--reuid=4711", "--clear-groups", curl, "-s", "--max-time", "10", "--unix-socket", path.description,
                    "-w", " %{http_code}", "-d", "x=y", "http://localhost/v1/echo",
                ])
            #expect(post.output.hasSuffix(" 403"), "\(post.output)")
            #expect(server.stop())
        }
    }

    @Test func whatIsNoSocketHasNoPeer() throws {
        let scratch = try Scratch()
        let directory = try open(scratch.directory, [.read, .directory])
        #expect(throws: SystemError.self) { try PeerCredentials.of(directory.raw) }
    }

    private func setMode(_ path: FilePath, _ mode: UInt32) throws {
        try #require(unsafe chmod(path.description, mode) == 0)
    }

    private let token = Array("0123456789abcdef".utf8)

    @Test(.enabled(if: hasCurl)) func tcpIsServedToWhoKnowsTheToken() throws {
        let scratch = try Scratch()
        let server = try ControlServer(socketPath: scratch.path("s.sock"), routes: echo)
        for address in ["127.0.0.1:0", "localhost:0"] {
            let port = try server.listen(
                on: #require(LoopbackAddress(address)), token: #require(BearerToken(token + [0x0a])))
            func ask(_ headers: String..., host: String = "127.0.0.1") throws -> String {
                let arguments = headers.flatMap { ["-H", $0] }
                return try run(
                    curl,
                    ["-s", "-i", "--max-time", "10", "-w", "|%{http_code}"] + arguments
                        + ["http://\(host):\(port)/v1/ping"]
                ).output
            }
            #expect(try ask("Authorization: Bearer 0123456789abcdef").hasSuffix("{\"pong\":true}|200"))
            #expect(try ask("Authorization: bearer  0123456789abcdef", host: "localhost").hasSuffix("|200"))
            for header in [
                "X: y", "Authorization: Bearer 0123456789abcdeF", "Authorization: Bearer 0123456789abcdef0",
                "Authorization: Bearer 0123456789abcde", "Authorization: Basic 0123456789abcdef",
                "Authorization: Bearer", "Authorization: Bearer ",
            ] {
                let answer = try ask(header)
                #expect(answer.hasSuffix("|401") && answer.contains("WWW-Authenticate: Bearer realm="), "\(answer)")
                #expect(!answer.contains("0123456789"))
            }
            let wrong = try ask("Authorization: Bearer 0123456789abcdeF")
            #expect(wrong.contains("error=\"invalid_token\""))
            // A page that has its own name lead here is told nothing, whatever it knows.
            for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "::1", "10.0.0.1"] {
                let answer = try ask("Host: \(host)", "Authorization: Bearer 0123456789abcdef")
                #expect(answer.hasSuffix("|403"), "\(host): \(answer)")
            }
            for host in ["LOCALHOST", "[::1]:\(port)", "127.1.2.3:80"] {
                #expect(try ask("Host: \(host)", "Authorization: Bearer 0123456789abcdef").hasSuffix("|200"))
            }
            // The port is taken.
            #expect(throws: ControlError.self) {
                try server.listen(
                    on: #require(LoopbackAddress("127.0.0.1:\(port)")), token: #require(BearerToken(token)))
            }
        }
        // On the Unix socket the kernel says who asks, and no token is needed.
        #expect(try ControlClient(socketPath: scratch.path("s.sock")).request(.get, "/v1/ping").status == 200)
        #expect(server.stop())
        #expect(throws: ControlError.self) {
            try server.listen(on: #require(LoopbackAddress("127.0.0.1:0")), token: #require(BearerToken(token)))
        }
    }

    @Test func onlyLoopbackAddressesAreTaken() {
        let taken = ["127.0.0.1:8437": "127.0.0.1:8437", "127.1.2.3:1": "127.1.2.3:1", "[::1]:80": "[::1]:80"]
        for (text, expected) in taken { #expect(LoopbackAddress(text)?.description == expected) }
        #expect(LoopbackAddress("localhost:80")?.description == "127.0.0.1:80")
        for text in [
            "", "8437", ":8437", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.01:80", "127.0.0.256:80", "127.0.0:80", "0.0.0.0:80", "192.168.1.1:80", "[::]:80", "::1:80",
            "[::2]:80",
            "example.org:80", "127.0.0.1:8a", "127.0.0.1: 80", "127.0.0.1:99999999999999999999",
        ] { #expect(LoopbackAddress(text) == nil, "\(text)") }
    }

    @Test func aTokenIsASecretOfItsOwner() throws {
        let scratch = try Scratch()
        let path = scratch.path("token")
        func problem() -> String? {
            do throws(ControlError) {
                _ = try BearerToken.read(path)
                return nil
            } catch {
                #expect(error.code == .configuration && error.remedy != nil)
                return error.message
            }
        }
        #expect(problem()?.contains("cannot be read") == true)
        try writeFileAtomically(path, token + [0x0d, 0x0a])
        try setMode(path, 0o600)
        #expect(problem() == nil)
        for mode: UInt32 in [0o640, 0o604, 0o620, 0o644] {
            try setMode(path, mode)
            #expect(problem()?.contains("others may read") == true)
        }
        for text in [
            token.dropLast(), [], token + [0x20, 0x61], token + [0xc3, 0xa4], [UInt8](repeating: 65, count: 4097),
        ] {
            try writeFileAtomically(path, Array(text))
            try setMode(path, 0o600)
            let problem = problem()
            #expect(problem?.contains("holds no token") == true && problem?.contains("0123") == false)
        }
        try unlink(path)
        try createDirectories(path, mode: 0o700)
        #expect(problem()?.contains("no regular file") == true)
        #expect("\(try #require(BearerToken(token)))".contains("0123") == false)
    }

    /// A request that comes a byte at a time, and an answer that is taken a byte at a time, have their limit.
    @Test func aRequestHasALimitAsAWhole() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(
            socketPath: path, routes: echo, idleTimeout: .seconds(30), requestLimit: .seconds(1))
        let start = monotonicNanoseconds()
        let connection = try UnixConnection.connect(to: path, deadline: deadline(5))
        var failure: SystemError?
        do throws(SystemError) {
            for byte in Array("GET /v1/ping HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 65, count: 700) {
                try connection.send([byte], deadline: deadline(5))
                usleep(20_000)
            }
        } catch { failure = error }
        #expect(failure?.errno == .pipe || failure?.errno == .connectionReset, "\(String(describing: failure))")
        #expect(monotonicNanoseconds() - start < 60_000_000_000)
        // One that keeps its connection and asks at its leisure is not meant.
        let client = try UnixConnection.connect(to: path, deadline: deadline(5))
        for _ in 0..<4 {
            try client.send(Array("GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n".utf8), deadline: deadline(5))
            #expect(try !client.receive(atMost: 1000, deadline: deadline(5)).isEmpty)
            usleep(300_000)
        }
        #expect(server.stop())
    }
}
