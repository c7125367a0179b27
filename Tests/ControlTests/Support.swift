import Foundation
import MusicFSControl
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

/// A directory of its own for a test, short enough for socket paths, removed at the end.
final class Scratch: Sendable {
    let directory: FilePath

    init() throws {
        directory = FilePath("/tmp/mfs-\(UInt64.random(in: 0 ... .max))")
        try createDirectories(directory, mode: 0o755)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory.description) }

    func path(_ name: String) -> FilePath { directory.appending(name) }

    func names() throws -> [String] {
        let fd = try open(directory, [.read, .directory])
        return try listDirectory(fd.raw).map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }
}

func deadline(_ seconds: Double) -> UInt64 { monotonicNanoseconds() + UInt64(seconds * patience * 1e9) }

/// Waits, at most 10 s, until `condition` holds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let end = deadline(10)
    while monotonicNanoseconds() < end {
        if try condition() { return true }
        usleep(2000)
    }
    return false
}

/// Runs `body` on `count` threads of their own and waits for all.
func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let running = Condition(count)
    for index in 0..<count {
        try startThread("test-\(index)") {
            body(index)
            running.withLock { $0 -= 1 }
            running.broadcast()
        }
    }
    #expect(running.wait(until: deadline(60)) { $0 == 0 ? true : nil } == true)
}

/// Sends `bytes` as they are and gives back what comes until the server closes or 5 s have passed.
func exchangeRaw(_ path: FilePath, _ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    do {
        let connection = try UnixConnection.connect(to: path, deadline: deadline(5))
        try? connection.send(bytes, deadline: deadline(5))
        while true {
            let part = try connection.receive(atMost: 65536, deadline: deadline(5))
            if part.isEmpty { return result }
            result += part
        }
    } catch {
        return result
    }
}

let echo = [
    Route(.get, "/v1/ping") { _ throws(ControlError) in .json(bytes: Array(#"{"pong":true}"#.utf8)) },
    Route(.post, "/v1/echo") { request throws(ControlError) in
        .complete(status: 200, contentType: "application/octet-stream", body: request.body)
    },
    Route(.get, "/v1/query") { request throws(ControlError) in
        .complete(status: 200, contentType: "application/octet-stream", body: request.bytes("value") ?? [])
    },
    Route(.get, "/v1/refuse") { _ throws(ControlError) in
        throw ControlError(.conflict, "a scan runs", remedy: "wait for it")
    },
]

/// Runs a program and gives back its output and exit code.
func run(_ program: String, _ arguments: [String]) throws -> (output: String, code: Int32) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (String(decoding: output, as: UTF8.self), process.terminationStatus)
}

let curl = "/usr/bin/curl"
let hasCurl = FileManager.default.isExecutableFile(atPath: curl)
