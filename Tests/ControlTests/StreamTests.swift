import Foundation
import MusicFSControl
import MusicFSSystem
import Synchronization
import Testing

@Suite struct StreamTests {
    /// Sends `count` numbers, each padded to `padding` bytes.
    private func counter(_ count: Int, padding: Int = 0) -> Route {
        Route(.get, "/v1/count") { _ throws(ControlError) in
            .stream { writer in
                let fill = String(repeating: " ", count: padding)
                for number in 0..<count where !writer.send(json: Array("[\(number)\(fill)]".utf8), event: "count") {
                    return
                }
            }
        }
    }

    @Test(arguments: [0, 1, 5000]) func aStreamArrivesWholeAndInOrder(count: Int) throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(socketPath: path, routes: [counter(count)])
        var numbers: [Int] = []
        try ControlClient(socketPath: path).lines(.get, "/v1/count", idleTimeout: .seconds(10)) { line in
            numbers += (try? JSON.decode([Int].self, from: line)) ?? [-1]
            return true
        }
        #expect(numbers == Array(0..<count))
        #expect(server.stop())
    }

    @Test func manyStreamsOfSlowAndFastClientsArriveWhole() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        // 2 MB each: far more than the buffers on the way hold, so producers wait for their clients.
        let server = try ControlServer(socketPath: path, routes: [counter(400, padding: 5000)])
        let wrong = Mutex(0)
        try inParallel(12) { thread in
            var next = 0
            var isInOrder = true
            try? ControlClient(socketPath: path).lines(.get, "/v1/count", idleTimeout: .seconds(20)) { line in
                isInOrder = isInOrder && (try? JSON.decode([Int].self, from: line)) == [next]
                next += 1
                if thread % 3 == 0, next % 50 == 0 { usleep(5000) }
                return true
            }
            if next != 400 || !isInOrder { wrong.withLock { $0 += 1 } }
        }
        #expect(wrong.withLock { $0 } == 0)
        #expect(server.stop())
    }

    @Test func aProducerWaitsForItsClient() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let sent = Mutex(0)
        let server = try ControlServer(
            socketPath: path,
            routes: [
                Route(.get, "/v1/flood") { _ throws(ControlError) in
                    .stream { writer in
                        let value = Array(("\"" + String(repeating: "x", count: 1000) + "\"").utf8)
                        while writer.send(json: value) { sent.withLock { $0 += value.count } }
                    }
                }
            ])
        let connection = try UnixConnection.connect(to: path, deadline: deadline(5))
        try connection.send(Array("GET /v1/flood HTTP/1.1\r\nHost: x\r\n\r\n".utf8), deadline: deadline(5))
        // Nothing is read: the producer gets no further than the buffers go (ours, microhttpd's, the socket's).
        #expect(eventually { sent.withLock { $0 } > 64 << 10 })
        var last = -1
        #expect(
            eventually {
                let now = sent.withLock { $0 }
                defer { last = now }
                usleep(100_000)
                return now == last
            })
        #expect(sent.withLock { $0 } < 2 << 20)
        #expect(server.stop())
    }

    @Test func aQuietProducerHearsThatItsClientHasGone() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let closed = Condition(0)
        let returned = Condition(0)
        let server = try ControlServer(
            socketPath: path,
            routes: echo + [
                Route(.get, "/v1/quiet") { _ throws(ControlError) in
                    .stream { writer in
                        let isOver = Condition(false)
                        writer.onClose {
                            closed.withLock { $0 += 1 }
                            closed.broadcast()
                            isOver.withLock { $0 = true }
                            isOver.broadcast()
                        }
                        _ = writer.send(json: Array("1".utf8))
                        _ = isOver.wait { $0 ? true : nil }
                        #expect(!writer.isOpen)
                        #expect(!writer.send(json: Array("2".utf8)))
                        returned.withLock { $0 += 1 }
                        returned.broadcast()
                    }
                }
            ])
        for _ in 0..<10 {
            try ControlClient(socketPath: path).lines(.get, "/v1/quiet", idleTimeout: .seconds(10)) { _ in false }
        }
        #expect(returned.wait(until: deadline(10)) { $0 == 10 ? true : nil } == true)
        #expect(closed.withLock { $0 } == 10)
        // Those that are still there are told by the stop, and their clients see that the answer is not complete.
        let began = Condition(0)
        let outcome = Condition<[ControlError.Code?]>([])
        for _ in 0..<5 {
            try startThread("reader") {
                var code: ControlError.Code?
                do throws(ControlError) {
                    try ControlClient(socketPath: path).lines(.get, "/v1/quiet", idleTimeout: .seconds(20)) { _ in
                        began.withLock { $0 += 1 }
                        began.broadcast()
                        return true
                    }
                } catch {
                    code = error.code
                }
                outcome.withLock { $0.append(code) }
                outcome.broadcast()
            }
        }
        #expect(began.wait(until: deadline(10)) { $0 == 5 ? true : nil } == true)
        #expect(try ControlClient(socketPath: path).request(.get, "/v1/ping").status == 200)
        #expect(server.stop())
        #expect(returned.withLock { $0 } == 15)
        let codes = outcome.wait(until: deadline(10)) { $0.count == 5 ? $0 : nil }
        #expect(codes == Array(repeating: .violation, count: 5))
    }

    @Test func streamsAreCountedAndLeaveRoomForRequests() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(
            socketPath: path,
            routes: echo + [
                Route(.get, "/v1/quiet") { _ throws(ControlError) in
                    .stream { writer in
                        let isOver = Condition(false)
                        writer.onClose {
                            isOver.withLock { $0 = true }
                            isOver.broadcast()
                        }
                        _ = isOver.wait { $0 ? true : nil }
                    }
                }
            ])
        let clients = try (0..<32).map { _ in try Keeper(path, "/v1/quiet") }
        let client = ControlClient(socketPath: path)
        #expect(eventually { (try? client.request(.get, "/v1/quiet"))?.status == 503 })
        #expect(try client.request(.get, "/v1/ping").status == 200)
        withExtendedLifetime(clients) {}
        #expect(server.stop())
    }

    /// Holds a connection open.
    private final class Keeper: Sendable {
        private let connection: UnixConnection

        init(_ path: FilePath, _ target: String) throws {
            connection = try UnixConnection.connect(to: path, deadline: deadline(5))
            try connection.send(Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8), deadline: deadline(5))
            // The header of the answer: the stream has begun.
            _ = try connection.receive(atMost: 1000, deadline: deadline(5))
        }
    }

    /// Clients that come and go at any moment, and a server that stops in the middle of it.
    @Test func comingAndGoingNeverTakesTheServerDown() throws {
        let scratch = try Scratch()
        for _ in 0..<5 {
            let path = scratch.path("s.sock")
            let server = try ControlServer(socketPath: path, routes: echo + [counter(1000, padding: 100)])
            let isOver = Mutex(false)
            let running = Condition(8)
            for thread in 0..<8 {
                try startThread("visitor") {
                    while !isOver.withLock({ $0 }) {
                        var left = Int.random(in: 0...1000)
                        try? ControlClient(socketPath: path, timeout: .seconds(5)).lines(
                            .get, "/v1/count", idleTimeout: .seconds(5)
                        ) { _ in
                            left -= 1
                            return left > 0
                        }
                        if thread == 0 { _ = try? ControlClient(socketPath: path).request(.get, "/v1/ping") }
                    }
                    running.withLock { $0 -= 1 }
                    running.broadcast()
                }
            }
            usleep(200_000)
            #expect(try ControlClient(socketPath: path).request(.get, "/v1/ping").status == 200)
            #expect(server.stop(within: .seconds(10)))
            isOver.withLock { $0 = true }
            #expect(running.wait(until: deadline(20)) { $0 == 0 ? true : nil } == true)
        }
    }

    @Test(.enabled(if: hasCurl)) func curlGetsServerSentEventsWhenItAsksForThem() throws {
        let scratch = try Scratch()
        let path = scratch.path("s.sock")
        let server = try ControlServer(
            socketPath: path,
            routes: [
                Route(.get, "/v1/events") { _ throws(ControlError) in
                    .stream { writer in
                        _ = writer.send(json: Array("{\n\"a\": 1}".utf8), event: "added")
                        _ = try? writer.send(["b": 2])
                    }
                }
            ])
        let base = ["-sN", "--max-time", "10", "--unix-socket", path.description, "-w", "%{content_type}"]
        let events = try run(curl, base + ["-H", "Accept: text/event-stream", "http://localhost/v1/events"])
        #expect(events.output == "event: added\ndata: { \"a\": 1}\n\ndata: {\"b\":2}\n\ntext/event-stream")
        let lines = try run(curl, base + ["http://localhost/v1/events"])
        #expect(lines.output == "{ \"a\": 1}\n{\"b\":2}\napplication/x-ndjson")
        let head = try run(curl, base + ["-I", "http://localhost/v1/events"])
        #expect(head.code == 0)
        #expect(server.stop())
    }
}
