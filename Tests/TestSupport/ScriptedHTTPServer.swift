import Foundation
import MusicFSSystem
import Synchronization

/// An HTTP/1.1 server on a loopback port that answers each request as its script says: well, badly, or not at all.
///
/// Connections are kept and have a thread each. Whatever arrives is recorded.
package final class ScriptedHTTPServer: Sendable {
    package struct Request: Sendable {
        package var method: String
        /// As it stood in the request, percent-encoded; the query without its question mark.
        package var path: String
        package var query: String
        /// By names in lower case.
        package var headers: [String: String]
        package var body: [UInt8]

        /// The bytes that a `Range` header asks for.
        package var range: Range<Int>? {
            guard let text = headers["range"], text.hasPrefix("bytes=") else { return nil }
            let bounds = text.dropFirst(6).split(separator: "-").compactMap { Int($0) }
            return bounds.count == 2 && bounds[0] <= bounds[1] ? bounds[0]..<(bounds[1] + 1) : nil
        }

        /// A parameter of the query, decoded.
        package subscript(name: String) -> String? {
            for pair in query.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts[0] == name { return parts.count == 2 ? String(parts[1]).removingPercentEncoding : "" }
            }
            return nil
        }
    }

    package enum Answer: Sendable {
        case response(Int, [String: String] = [:], [UInt8] = [])
        /// Announces the whole body, sends `count` bytes of it and closes.
        case short(Int, [String: String] = [:], [UInt8], count: Int)
        /// The same, but then nothing more, for as long as the client waits.
        case stuck(Int, [String: String] = [:], [UInt8], count: Int)
        /// Tells no length: the body ends where the connection does.
        case unframed(Int, [String: String] = [:], [UInt8])
        /// Sends the body byte by byte with a pause before each.
        case trickle(Int, [String: String] = [:], [UInt8], milliseconds: UInt32)
        case garbage([UInt8])
        /// RST instead of an answer.
        case reset
        /// Nothing, for as long as the client waits.
        case hang

        package static func page(_ status: Int) -> Answer {
            .response(
                status, ["Content-Type": "text/html; charset=utf-8"], Array("<html><body>Log in</body></html>".utf8))
        }
    }

    package typealias Script = @Sendable (Request) -> Answer

    private struct State: Sendable {
        var script: Script
        var requests: [Request] = []
        var open: Set<Int32> = []
        var connections = 0
    }

    package let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    package init(_ script: @escaping Script) throws {
        state = Mutex(State(script: script))
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = try TCPProxy.bindAndListen(listener)
        let thread = Thread { [weak self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let self else {
                    close(client)
                    return
                }
                self.serve(client)
            }
        }
        thread.start()
    }

    deinit {
        for socket in state.withLock({ $0.open }) { shutdown(socket, Int32(SHUT_RDWR)) }
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    package var url: String { "http://127.0.0.1:\(port)" }
    /// All requests so far.
    package var requests: [Request] { state.withLock { $0.requests } }
    package var connections: Int { state.withLock { $0.connections } }
    /// What answers from now on.
    package var script: Script {
        get { state.withLock { $0.script } }
        set { state.withLock { $0.script = newValue } }
    }

    package func forgetRequests() { state.withLock { $0.requests = [] } }

    private func serve(_ client: Int32) {
        var on: Int32 = 1
        unsafe setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        state.withLock { state in
            state.open.insert(client)
            state.connections += 1
        }
        let thread = Thread { [weak self] in
            var line = Line(socket: client)
            while let request = line.request() {
                let script = self?.state.withLock { state in
                    state.requests.append(request)
                    return state.script
                }
                guard let answer = script?(request), line.send(answer, to: request) else { break }
            }
            // Taken out under the lock before it is closed: the number may be somebody else's at once.
            _ = self?.state.withLock { $0.open.remove(client) }
            close(client)
        }
        thread.start()
    }

    /// One connection as its thread sees it.
    private struct Line {
        let socket: Int32
        private var rest: [UInt8] = []

        init(socket: Int32) { self.socket = socket }

        mutating func request() -> Request? {
            // Whoever does not speak HTTP is not waited for.
            if rest.isEmpty, !receive() { return nil }
            guard let first = rest.first, (65...90).contains(first) else { return nil }
            guard let head = take(until: Array("\r\n\r\n".utf8)) else { return nil }
            let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
            let words = lines[0].split(separator: " ")
            guard words.count == 3 else { return nil }
            var headers: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
            }
            let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            var body: [UInt8] = []
            if let length = headers["content-length"].flatMap({ Int($0) }) {
                guard let sent = take(count: length) else { return nil }
                body = sent
            }
            return Request(
                method: String(words[0]), path: String(target[0]), query: target.count == 2 ? String(target[1]) : "",
                headers: headers, body: body)
        }

        /// - Returns: whether the connection goes on.
        func send(_ answer: Answer, to request: Request) -> Bool {
            let isHead = request.method == "HEAD"
            switch answer {
            case .response(let status, let headers, let body):
                // A HEAD's answer may tell of a body by its headers.
                let length = headers["Content-Length"] == nil ? ["Content-Length": "\(body.count)"] : [:]
                let head = Self.head(status, headers.merging(length) { own, _ in own })
                return send(isHead ? head : head + body)
            case .short(let status, let headers, let body, let count):
                let head = Self.head(status, headers.merging(["Content-Length": "\(body.count)"]) { own, _ in own })
                _ = send(head + body.prefix(count))
                return false
            case .stuck(let status, let headers, let body, let count):
                let head = Self.head(status, headers.merging(["Content-Length": "\(body.count)"]) { own, _ in own })
                _ = send(head + body.prefix(count))
                awaitEnd()
                return false
            case .unframed(let status, let headers, let body):
                _ = send(Self.head(status, headers.merging(["Connection": "close"]) { own, _ in own }) + body)
                return false
            case .trickle(let status, let headers, let body, let milliseconds):
                let length = ["Content-Length": "\(body.count)"]
                guard send(Self.head(status, headers.merging(length) { own, _ in own })) else { return false }
                for byte in body {
                    usleep(milliseconds * 1000)
                    guard send([byte]) else { return false }
                }
                return true
            case .garbage(let bytes):
                _ = send(bytes)
                return false
            case .reset:
                // With no time to linger, closing resets (socket(7)).
                var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
                unsafe setsockopt(
                    socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                return false
            case .hang:
                awaitEnd()
                return false
            }
        }

        private func awaitEnd() {
            var byte: UInt8 = 0
            while unsafe recv(socket, &byte, 1, 0) > 0 {}
        }

        private static func head(_ status: Int, _ headers: [String: String]) -> [UInt8] {
            let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
            return Array("HTTP/1.1 \(status) Scripted\r\n\(lines)\r\n".utf8)
        }

        private func send(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes[sent...].withUnsafeBytes {
                    unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return false }
                sent += count
            }
            return true
        }

        private mutating func take(until end: [UInt8]) -> [UInt8]? {
            while true {
                if let found = rest.firstRange(of: end) {
                    defer { rest.removeFirst(found.upperBound) }
                    return Array(rest[..<found.lowerBound])
                }
                guard receive() else { return nil }
            }
        }

        private mutating func take(count: Int) -> [UInt8]? {
            while rest.count < count { guard receive() else { return nil } }
            defer { rest.removeFirst(count) }
            return Array(rest[..<count])
        }

        private mutating func receive() -> Bool {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let size = buffer.count
            let got = unsafe recv(socket, &buffer, size, 0)
            if got > 0 { rest += buffer[..<got] }
            return got > 0
        }
    }
}
