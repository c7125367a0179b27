import Foundation
import MusicFSControl
import MusicFSSystem
import Synchronization
import Testing

@Suite struct ServerTests {
    @Test func requestsAreAnsweredConcurrently() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        let wrong = Mutex(0)
        try inParallel(16) { thread in
            for round in 0..<20 {
                let body = [UInt8]("\(thread)/\(round)".utf8) + [UInt8](repeating: UInt8(thread), count: round * 3000)
                let reply = try? ControlClient(socketPath: path).request(.post, "/v1/echo", body: body)
                if reply?.status != 200 || reply?.body != body { wrong.withLock { $0 += 1 } }
            }
        }
        #expect(wrong.withLock { $0 } == 0)
        #expect(server.stop())
    }

    @Test func aHundredConnectionsAtOnceAreAllAnswered() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        // All connect before any asks: 64 are served, the others wait their turn.
        let arrived = Condition(0)
        let answered = Mutex(0)
        try inParallel(100) { _ in
            guard let connection = try? UnixConnection.connect(to: path, deadline: deadline(20)) else { return }
            arrived.withLock { $0 += 1 }
            arrived.broadcast()
            _ = arrived.wait(until: deadline(20)) { $0 == 100 ? true : nil }
            try? connection.send(
                Array("GET /v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8), deadline: deadline(20))
            var reply: [UInt8] = []
            while let part = try? connection.receive(atMost: 4096, deadline: deadline(20)), !part.isEmpty {
                reply += part
            }
            if String(decoding: reply, as: UTF8.self).hasSuffix(#"{"pong":true}"#) { answered.withLock { $0 += 1 } }
        }
        #expect(answered.withLock { $0 } == 100)
        #expect(server.stop())
    }

    @Test func whatIsNotThereOrTooLongIsRefusedInJSON() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        let client = ControlClient(socketPath: path)
        func refusal(_ reply: ControlReply) throws -> [String: String] {
            #expect(reply.contentType == "application/json")
            return try JSON.decode([String: String].self, from: reply.body)
        }
        let absent = try client.request(.get, "/v1/absent")
        #expect(absent.status == 404)
        #expect(try refusal(absent)["error"] == "there is nothing at /v1/absent")
        let method = try client.request(.delete, "/v1/ping")
        #expect(method.status == 405)
        #expect(try refusal(method)["remedy"] == "use GET, HEAD")
        let conflict = try client.request(.get, "/v1/refuse")
        #expect(conflict.status == 409)
        #expect(try refusal(conflict) == ["error": "a scan runs", "remedy": "wait for it"])
        #expect(throws: ControlError(.conflict, "a scan runs", remedy: "wait for it")) {
            _ = try client.value([String: String].self, .get, "/v1/refuse")
        }
        let fits = [UInt8](repeating: 7, count: ControlServer.bodyLimit)
        #expect(try client.request(.post, "/v1/echo", body: fits).body == fits)
        for excess in [1, 1 << 16, 8 << 20] {
            let reply = try client.request(.post, "/v1/echo", body: fits + [UInt8](repeating: 7, count: excess))
            #expect(reply.status == 413)
            #expect(try refusal(reply)["error"] != nil)
        }
        #expect(server.stop())
    }

    @Test func aChunkedBodyThatIsTooLongIsRefusedAndAnEndlessOneCutOff() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        let head = "POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        let chunk = Array("4000\r\n".utf8) + [UInt8](repeating: 65, count: 0x4000) + Array("\r\n".utf8)
        func request(chunks: Int) -> [UInt8] {
            Array(head.utf8) + (0..<chunks).flatMap { _ in chunk } + Array("0\r\n\r\n".utf8)
        }
        #expect(exchangeRaw(path, request(chunks: 4)).starts(with: Array("HTTP/1.1 200".utf8)))
        #expect(exchangeRaw(path, request(chunks: 5)).starts(with: Array("HTTP/1.1 413".utf8)))
        #expect(exchangeRaw(path, request(chunks: 200)).isEmpty)
        #expect(server.stop())
    }

    @Test func parametersArriveAsTheBytesThatWereSent() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        let client = ControlClient(socketPath: path)
        let every = Array(UInt8.min...UInt8.max)
        #expect(try client.request(.get, "/v1/query", query: [QueryItem("value", bytes: every)]).body == every)
        #expect(try client.request(.get, "/v1/query", query: [QueryItem("other", "x")]).body == [])
        #expect(server.stop())
    }

    @Test func onlyTheOwnerMayConnectUnlessAGroupIsNamed() throws {
        let scratch = try Scratch()
        let path = scratch.path("run/a/s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        #expect(try FileStatus.ofLink(path).mode & 0o7777 == 0o600)
        #expect(try FileStatus.of(path.parent).mode & 0o7777 == (geteuid() == 0 ? 0o755 : 0o700))
        #expect(server.stop())
        let group = unsafe getgrgid(getegid())
        let name = try #require(unsafe group.map { unsafe String(cString: $0.pointee.gr_name) })
        let shared = try ControlServer(socketPath: path, group: name, routes: echo)
        #expect(try FileStatus.ofLink(path).mode & 0o7777 == 0o660)
        #expect(shared.stop())
        #expect(try groupID(named: name) == getegid())
        do {
            _ = try ControlServer(socketPath: path, group: "no-such-group", routes: echo)
            Issue.record("a group that does not exist was accepted")
        } catch {
            #expect(error.code == .configuration)
            #expect(error.description.contains("groupadd no-such-group"))
        }
    }

    @Test func aRefusedPathLeavesNothingBehind() throws {
        let scratch = try Scratch()
        let long = scratch.path(String(repeating: "n", count: 100) + ".sock")
        #expect { _ = try ControlServer(socketPath: long, routes: echo) } throws: {
            ($0 as? ControlError)?.code == .configuration
        }
        // A directory at the path cannot be replaced by a socket.
        let taken = scratch.path("s.sock")
        try createDirectories(taken)
        #expect { _ = try ControlServer(socketPath: taken, routes: echo) } throws: {
            ($0 as? ControlError)?.code == .failed
        }
        #expect(try scratch.names() == ["s.sock"])
    }

    @Test func aSuccessorTakesThePathWhileTheFirstStillRuns() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        func routes(_ answer: String) -> [Route] {
            [Route(.get, "/v1/who") { _ throws(ControlError) in .text(answer) }]
        }
        func ask() throws -> String {
            String(decoding: try ControlClient(socketPath: path).request(.get, "/v1/who").body, as: UTF8.self)
        }
        let first = try ControlServer(socketPath: path, routes: routes("first"))
        #expect(try ask() == "first")
        // At no moment during the change is there nobody.
        let isOver = Mutex(false)
        let failures = Condition((done: false, count: 0))
        try startThread("asker") {
            while !isOver.withLock({ $0 }) {
                if (try? ControlClient(socketPath: path).request(.get, "/v1/who")) == nil {
                    failures.withLock { $0.count += 1 }
                }
            }
            failures.withLock { $0.done = true }
            failures.broadcast()
        }
        let second = try ControlServer(socketPath: path, routes: routes("second"))
        #expect(try ask() == "second")
        #expect(try scratch.names() == ["s.sock"])
        #expect(first.stop())
        #expect(try ask() == "second")
        isOver.withLock { $0 = true }
        #expect(failures.wait(until: deadline(10)) { $0.done ? $0.count : nil } == 0)
        #expect(second.stop())
        #expect(try scratch.names() == [])
    }

    @Test func aRunningRequestEndsBeforeTheServerDoes() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let begun = Condition(false)
        let released = Condition(false)
        let server = try ControlServer(
            socketPath: path,
            routes: [
                Route(.get, "/v1/slow") { _ throws(ControlError) in
                    begun.withLock { $0 = true }
                    begun.broadcast()
                    _ = released.wait { $0 ? true : nil }
                    return .text(String(repeating: "x", count: 1 << 20))
                }
            ])
        let reply = Condition<ControlReply??>(nil)
        try startThread("client") {
            let answer = try? ControlClient(socketPath: path).request(.get, "/v1/slow")
            reply.withLock { $0 = .some(answer) }
            reply.broadcast()
        }
        #expect(begun.wait(until: deadline(10)) { $0 ? true : nil } == true)
        // A handler that does not return: the stop gives up in time, and the server's memory stays valid.
        let start = monotonicNanoseconds()
        #expect(!server.stop(within: .milliseconds(200)))
        #expect(monotonicNanoseconds() - start < 5_000_000_000)
        released.withLock { $0 = true }
        released.broadcast()
        #expect(reply.wait(until: deadline(10)) { $0 } != nil)
    }

    @Test func aRequestInFlightIsAnsweredDuringTheStop() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let begun = Condition(false)
        let server = try ControlServer(
            socketPath: path,
            routes: [
                Route(.post, "/v1/shutdown") { _ throws(ControlError) in
                    begun.withLock { $0 = true }
                    begun.broadcast()
                    // The stop begins while this handler runs.
                    _ = begun.wait(until: monotonicNanoseconds() + 50_000_000) { _ -> Bool? in nil }
                    return .text(String(repeating: "x", count: 4 << 20))
                }
            ])
        let size = Condition<Int?>(nil)
        try startThread("client") {
            let answer = try? ControlClient(socketPath: path).request(.post, "/v1/shutdown")
            size.withLock { $0 = answer?.body.count ?? -1 }
            size.broadcast()
        }
        #expect(begun.wait(until: deadline(10)) { $0 ? true : nil } == true)
        #expect(server.stop(within: .seconds(20)))
        #expect(size.wait(until: deadline(10)) { $0 } == 4 << 20)
        #expect(throws: ControlError.self) { _ = try ControlClient(socketPath: path).request(.get, "/v1/ping") }
    }

    @Test func aConnectionThatStandsStillIsClosed() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo, idleTimeout: .seconds(1))
        let connection = try UnixConnection.connect(to: path, deadline: deadline(5))
        try connection.send(Array("GET /v1/pi".utf8), deadline: deadline(5))
        #expect(try connection.receive(atMost: 100, deadline: deadline(10)).isEmpty)
        #expect(server.stop())
    }

    @Test(.enabled(if: hasCurl)) func curlUnderstandsTheServer() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: echo)
        let base = ["-s", "--max-time", "10", "--unix-socket", path.description]
        let get = try run(curl, base + ["-w", " %{http_code} %{content_type}", "http://localhost/v1/ping"])
        #expect(get.output == #"{"pong":true} 200 application/json"#)
        let two = try run(curl, base + ["http://localhost/v1/ping", "http://localhost/v1/query?value=%C3%A4+b"])
        #expect(two.output == #"{"pong":true}ä b"#)
        let head = try run(curl, base + ["-I", "http://localhost/v1/ping"])
        #expect(head.output.contains("Content-Length: 13"))
        let post = try run(curl, base + ["-d", "a=b", "http://localhost/v1/echo"])
        #expect(post.output == "a=b")
        let large = scratch.path("large")
        try writeFileAtomically(large, [UInt8](repeating: 65, count: 300_000))
        let tooLong = try run(
            curl,
            base + ["-w", "%{http_code}", "-o", "/dev/null", "--data-binary", "@\(large)", "http://localhost/v1/echo"])
        #expect(tooLong.output == "413")
        let method = try run(
            curl, base + ["-X", "PATCH", "-w", "%{http_code}", "-o", "/dev/null", "http://localhost/v1/ping"])
        #expect(method.output == "405")
        #expect(server.stop())
    }
}
