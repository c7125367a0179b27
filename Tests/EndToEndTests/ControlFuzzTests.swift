import Foundation
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// What is thrown at the control socket is the sender's trouble alone.
    @Suite struct ControlFuzzTests {
        private let targets = [
            "/v1/status", "/v1/origins", "/v1/info?path=/Unknown", "/v1/quarantine", "/v1/tasks", "/v1/log-level",
            "/v1/cache", "/v1/events?after=1.0&type=sync_completed", "/v1/openapi.json", "/healthz", "/metrics",
        ]

        /// Reads a file of the mount again and again, until told to stop.
        private final class Reader: Sendable {
            private let state = Condition((stop: false, ended: false, reads: 0, wrong: 0))

            init(_ library: MountedLibrary) throws {
                let folder = library.mount
                let file = folder.appending(try #require(try library.files().first))
                let original = try readFile(library.origin.appending("1.wav"))
                try startThread("reader") { [state] in
                    while !state.withLock({ $0.stop }) {
                        let isRight =
                            (try? readFile(file)) == original && (try? open(folder, [.read, .directory])) != nil
                        state.withLock { state in
                            state.reads += 1
                            if !isRight { state.wrong += 1 }
                        }
                    }
                    state.withLock { $0.ended = true }
                    state.broadcast()
                }
            }

            func stop() -> (reads: Int, wrong: Int)? {
                state.withLock { $0.stop = true }
                return state.wait(until: monotonicNanoseconds() + 20_000_000_000) {
                    $0.ended ? ($0.reads, $0.wrong) : nil
                }
            }
        }

        private func soon(_ seconds: UInt64) -> UInt64 { monotonicNanoseconds() + seconds * 1_000_000_000 }

        private func exchange(_ socket: FilePath, _ bytes: [UInt8], seconds: UInt64 = 30) -> String {
            var answer: [UInt8] = []
            do {
                let connection = try UnixConnection.connect(to: socket, deadline: soon(seconds))
                try? connection.send(bytes, deadline: soon(seconds))
                while true {
                    let part = try connection.receive(atMost: 1 << 16, deadline: soon(seconds))
                    if part.isEmpty { break }
                    answer += part
                }
            } catch {}
            return String(decoding: answer, as: UTF8.self)
        }

        private func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
            var result = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0...result.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where place < result.count: result[place] = UInt8.random(in: .min ... .max, using: &random)
                case 1: result = Array(result[..<place])
                case 2: result.insert(contentsOf: result[..<place], at: place)
                case 3:
                    result.insert(
                        contentsOf: (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }, at: place)
                default:
                    let parts = [
                        "\r\n", "%", "\0", ":", "?&=", "%00", "../", "HTTP/9", "Content-Length: 99999999999\r\n",
                    ]
                    result.insert(contentsOf: (parts.randomElement(using: &random) ?? "").utf8, at: place)
                }
            }
            return result
        }

        /// Garbage of two seconds, the same with every run of one seed.
        private func throwGarbage(_ socket: FilePath, seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            let end = soon(2)
            while monotonicNanoseconds() < end {
                let target = targets.randomElement(using: &random) ?? "/"
                let method = ["GET", "HEAD", "PUT", "OPTIONS", "TRACE"].randomElement(using: &random) ?? "GET"
                let request =
                    "\(method) \(target) HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1.1\r\nContent-Length: 3\r\n\r\nabc"
                guard let connection = try? UnixConnection.connect(to: socket, deadline: soon(10)) else { continue }
                try? connection.send(mutated(Array(request.utf8), &random), deadline: soon(1))
                if Int.random(in: 0..<3, using: &random) == 0 {
                    _ = try? connection.receive(atMost: 1000, deadline: monotonicNanoseconds() + 20_000_000)
                }
            }
        }

        private func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
            let running = Condition(count)
            for index in 0..<count {
                try startThread("sender", stackBytes: 256 << 10) {
                    body(index)
                    running.withLock { $0 -= 1 }
                    running.broadcast()
                }
            }
            #expect(running.wait(until: soon(50)) { $0 == 0 ? true : nil } == true)
        }

        private func resident(_ pid: Int32) throws -> Int {
            let status = String(decoding: try readFile(FilePath("/proc/\(pid)/status")), as: UTF8.self)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
        }

        private func descriptors(_ pid: Int32) throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
        }

        @Test(.timeLimit(.minutes(2))) func nothingThatIsSentHarmsTheMount() throws {
            let library = try MountedLibrary()
            try writeAudio(library.origin.appending("1.wav"), megabytes: 1)
            library.configuration =
                "[fuse]\npassthrough = \"never\"\n" + Section.directory(library.origin, id: "local", type: "local")
            try library.start()
            #expect(eventually { (try? library.files().count) == 1 })
            let socket = library.socket
            // Everything has been used once, so that what is kept for the next time is there.
            let ping = Array("GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
            for target in targets { _ = exchange(socket, Array("GET \(target) HTTP/1.0\r\n\r\n".utf8), seconds: 1) }
            try inParallel(64) { _ in _ = exchange(socket, ping) }
            let pid = try library.status().pid
            #expect(try eventually { try descriptors(pid) < 60 })
            let (memory, open) = (try resident(pid), try descriptors(pid))
            let reader = try Reader(library)

            try inParallel(4) { throwGarbage(socket, seed: UInt64($0) + 1) }

            // What is too long is refused with the status that says so.
            let long = [UInt8](repeating: 65, count: 1 << 20)
            for (head, status) in [
                ("GET /", " 414 "), ("GET /v1/status HTTP/1.1\r\nX: ", " 431 "),
                (
                    "PUT /v1/log-level HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n",
                    " 413 "
                ),
                ("PUT /v1/log-level HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", " 413 "),
            ] {
                let answer = exchange(socket, Array(head.utf8) + long)
                #expect(answer.hasPrefix("HTTP/1.1" + status), "\(head): \(answer.prefix(200))")
            }

            // Many requests at once on one connection are answered in their order.
            let pipeline = String(repeating: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", count: 200)
            let answers = exchange(socket, Array(pipeline.utf8) + ping)
            #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == 202)

            // Half requests take a place each, and others are answered beside them.
            do {
                var halves: [Half] = []
                for index in 0..<50 {
                    halves.append(try Half(socket, String("GET /v1/stat".prefix(index % 12 + 1)), soon(5)))
                }
                #expect(exchange(socket, ping).hasPrefix("HTTP/1.1 200 OK"))
                withExtendedLifetime(halves) {}
            }

            // A thousand at the same time: each is answered, if not at once.
            let answered = Mutex(0)
            try inParallel(1000) { _ in
                if exchange(socket, ping, seconds: 45).hasPrefix("HTTP/1.1 200 OK") { answered.withLock { $0 += 1 } }
            }
            #expect(answered.withLock { $0 } == 1000)

            let result = try #require(reader.stop())
            #expect(result.reads > 10 && result.wrong == 0, "\(result)")
            let status = try library.status()
            #expect(status.pid == pid && status.restarts == 0)
            #expect(try eventually(20) { try descriptors(pid) <= open })
            #expect(
                try eventually(20) { try resident(pid) < memory + 24 << 20 })
            print("memory of the server:", memory >> 10, "KiB before,", try resident(pid) >> 10, "KiB after")
        }

        /// A connection on which the rest never comes.
        private final class Half {
            private let connection: UnixConnection

            init(_ socket: FilePath, _ text: String, _ deadline: UInt64) throws {
                connection = try UnixConnection.connect(to: socket, deadline: deadline)
                try connection.send(Array(text.utf8), deadline: deadline)
            }
        }
    }
}
