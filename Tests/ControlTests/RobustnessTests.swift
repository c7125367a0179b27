import Foundation
import MusicFSControl
import MusicFSSystem
import Synchronization
import Testing

@Suite struct RobustnessTests {
    /// Changes, removes, repeats and inserts bytes at random.
    private func mutated(_ bytes: [UInt8], _ random: inout some RandomNumberGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let place = Int.random(in: 0...result.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where place < result.count: result[place] = UInt8.random(in: .min ... .max, using: &random)
            case 1: result.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
            case 2: result = Array(result[..<place])
            case 3: result.insert(contentsOf: result[..<place], at: place)
            default:
                result.insert(
                    contentsOf: ["\r\n", "%", "\0", ":", "?&=", "%00"].shuffled(using: &random)[0].utf8, at: place)
            }
        }
        return result
    }

    @Test func garbageNeverTakesTheServerDown() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(
            socketPath: path,
            routes: echo + [
                Route(.get, "/v1/stream") { _ throws(ControlError) in
                    .stream { writer in while writer.send(json: [UInt8](repeating: 49, count: 500)) {} }
                }
            ], idleTimeout: .seconds(2))
        let requests = [
            "GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /v1/query?value=%41%42&b=c+d HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
            "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
            "POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "GET /v1/stream HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
        ].map { Array($0.utf8) }
        try inParallel(4) { thread in
            var random = SystemRandomNumberGenerator()
            for _ in 0..<500 {
                guard let request = requests.randomElement(using: &random),
                    let connection = try? UnixConnection.connect(to: path, deadline: deadline(10))
                else { continue }
                try? connection.send(mutated(request, &random), deadline: deadline(1))
                // Some wait for an answer, most leave at once.
                if Int.random(in: 0..<4, using: &random) == 0 {
                    _ = try? connection.receive(atMost: 1000, deadline: monotonicNanoseconds() + 20_000_000)
                }
            }
        }
        let huge = Array("GET /".utf8) + [UInt8](repeating: 65, count: 1 << 20)
        #expect(String(decoding: exchangeRaw(path, huge), as: UTF8.self).contains("414"))
        let headers = Array("GET /v1/ping HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 65, count: 1 << 20)
        #expect(String(decoding: exchangeRaw(path, headers), as: UTF8.self).contains("431"))
        #expect(try ControlClient(socketPath: path).request(.get, "/v1/ping").status == 200)
        #expect(server.stop())
    }

    /// Reads a request on every connection, answers with `bytes`, then closes it.
    private func serving<R>(_ bytes: [UInt8], _ body: (FilePath) throws -> R) throws -> R {
        let scratch = try Scratch()
        let listener = try UnixListener.bind(scratch.path("s.sock"), mode: 0o600)
        try listener.file.publish()
        let descriptor = SharedFD(try listener.fd.duplicated())
        let ended = Condition(false)
        try startThread("fake") {
            while true {
                let connection = accept(descriptor.raw, nil, nil)
                if connection < 0 { break }
                // Unread bytes would turn the close into a reset.
                var request: [UInt8] = []
                while !request.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                    var byte: UInt8 = 0
                    guard unsafe read(connection, &byte, 1) == 1 else { break }
                    request.append(byte)
                }
                try? writeFully(connection, bytes)
                close(connection)
            }
            ended.withLock { $0 = true }
            ended.broadcast()
        }
        let result = try body(scratch.path("s.sock"))
        shutdown(descriptor.raw, CInt(SHUT_RDWR))
        #expect(ended.wait(until: deadline(10)) { $0 ? true : nil } == true)
        return result
    }

    private func outcome(_ answer: String) throws -> Result<ControlReply, ControlError> {
        try serving(Array(answer.utf8)) { path in
            do throws(ControlError) {
                return .success(try ControlClient(socketPath: path, timeout: .seconds(5)).request(.get, "/"))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        "HTTP/1.0 200\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello",
    ])
    func theClientReadsEveryFormOfBody(answer: String) throws {
        let reply = try outcome(answer).get()
        #expect(reply.status == 200)
        #expect(reply.body == Array("hello".utf8))
    }

    @Test(arguments: [
        "", "\r\n", "hello", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n", ": x\r\n\r\n",
    ])
    func theClientRefusesWhatIsNoAnswer(answer: String) throws {
        guard case .failure(let error) = try outcome(answer) else {
            Issue.record("accepted \(answer.debugDescription)")
            return
        }
        #expect(error.code == .violation)
        #expect(error.remedy != nil)
    }

    @Test func endlessAnswersAreCutOff() throws {
        let junk = [UInt8](repeating: 65, count: 20 << 20)
        for head in ["", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.0 200 OK\r\n\r\n"] {
            let (request, lines) = try serving(Array(head.utf8) + junk) { path in
                let client = ControlClient(socketPath: path, timeout: .seconds(10))
                func code(_ body: () throws(ControlError) -> Void) -> ControlError.Code? {
                    do throws(ControlError) {
                        try body()
                        return nil
                    } catch {
                        return error.code
                    }
                }
                return (
                    code { () throws(ControlError) in _ = try client.request(.get, "/") },
                    code { () throws(ControlError) in try client.lines(.get, "/") { _ in true } }
                )
            }
            #expect(request == .violation)
            #expect(lines == .violation)
        }
    }

    @Test func randomAnswersNeverTrapTheClient() throws {
        let answer = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n".utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            _ = try serving(mutated(answer, &random)) { path in
                try? ControlClient(socketPath: path, timeout: .seconds(5)).request(.get, "/")
            }
        }
    }

    @Test func nobodyAndNobodyAliveAreToldApartFromSilence() throws {
        let scratch = try Scratch()
        func code(_ path: FilePath) -> ControlError.Code? {
            do throws(ControlError) {
                _ = try ControlClient(socketPath: path, timeout: .milliseconds(200)).request(.get, "/v1/status")
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(scratch.path("absent.sock")) == .noDaemon)
        #expect(code(scratch.path("absent/absent.sock")) == .noDaemon)
        let dead = scratch.path("dead.sock")
        do {
            let listener = try UnixListener.bind(dead, mode: 0o600)
            try listener.file.publish()
        }
        #expect(try scratch.names() == ["dead.sock"])
        #expect(code(dead) == .noDaemon)
        try writeFileAtomically(scratch.path("file"), [])
        #expect(code(scratch.path("file")) == .noDaemon)
        // One that is stuck: it listens and accepts nothing.
        let stuck = try UnixListener.bind(scratch.path("stuck.sock"), mode: 0o600, backlog: 0)
        try stuck.file.publish()
        #expect(code(stuck.file.path) == .timeout)
        // Now its backlog is full: the wait is for the connection itself.
        #expect(code(stuck.file.path) == .timeout)
        // A new server takes over a dead socket's path.
        let server = try ControlServer(socketPath: dead, routes: echo)
        #expect(try ControlClient(socketPath: dead).request(.get, "/v1/ping").status == 200)
        #expect(server.stop())
        #expect(ControlError(.noDaemon, "x").exitCode == 69)
        #expect(ControlError(.configuration, "x").exitCode == 78)
        #expect(ControlError(.failed, "x").exitCode == 1)
    }
}
