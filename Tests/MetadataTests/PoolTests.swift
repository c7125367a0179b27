import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

/// Collects results by name until there are as many as expected.
final class Results: Sendable {
    private let state = Condition<[(name: Int, result: Result<MediaReport, MediaError>)]>([])

    func add(_ name: Int, _ result: Result<MediaReport, MediaError>) {
        state.withLock { $0.append((name, result)) }
        state.broadcast()
    }

    func wait(for count: Int, seconds: UInt64 = 120) throws -> [(name: Int, result: Result<MediaReport, MediaError>)] {
        try #require(
            state.wait(until: monotonicNanoseconds() + seconds * 1_000_000_000) { $0.count >= count ? $0 : nil })
    }
}

@Suite struct PoolTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    private func read(_ path: FilePath, times: Int, with pool: MediaWorkerPool, into results: Results) throws {
        for index in 0..<times {
            pool.read(try open(path, .read), name: Array(path.lastComponent), wantsIdentity: false) {
                results.add(index, $0)
            }
        }
    }

    @Test("damaged files never cost more than themselves")
    func fuzz() throws {
        let pool = try MediaWorkerPool.forTests(workers: 2)
        defer { pool.stop() }
        var generator = SeededGenerator(seed: UInt64.random(in: 0...UInt64.max))
        let results = Results()
        var count = 0
        for name in [
            "a.flac", "a.mp3", "a.m4a", "a.opus", "a.wv", "a.aiff", "a.wma", "a.wav", "a.ogg", "a.tta", "a.aac",
            "a.spx",
        ] {
            let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: try samples.encode(name).description)))
            for copy in 0..<40 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...40, using: &generator) {
                    // The head and the tail hold what is parsed.
                    let range = Bool.random(using: &generator) ? 0..<min(2048, bytes.count) : 0..<bytes.count
                    bytes[Int.random(in: range, using: &generator)] = .random(in: 0...255, using: &generator)
                }
                if copy % 4 == 1 {
                    // A length, in either byte order, that no file has.
                    let start = Int.random(in: 0..<min(2048, bytes.count - 4), using: &generator)
                    let absurd: [UInt8] =
                        Bool.random(using: &generator) ? [0x7f, 0xff, 0xff, 0xff] : [0xff, 0xff, 0xff, 0xff]
                    bytes.replaceSubrange(start..<(start + 4), with: absurd)
                }
                if copy % 4 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
                let path = samples.path("fuzz-\(copy)-\(name)")
                try Data(bytes).write(to: URL(fileURLWithPath: path.description))
                let index = count
                pool.read(try open(path, .read), name: Array(path.lastComponent), wantsIdentity: true) {
                    results.add(index, $0)
                }
                count += 1
            }
        }
        let answers = try results.wait(for: count)
        #expect(Set(answers.map(\.name)).count == count && answers.count == count)
        let sound = try samples.encode("sound.flac")
        #expect(try pool.report(of: sound).tags.first(.album) == "Album")
    }

    @Test("a worker that is killed costs one file at most, and a new one goes on")
    func killedWorker() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try samples.encode("a.flac")
        _ = try pool.report(of: path)
        let first = try #require(pool.processes.first)
        first.send(Signal.kill)
        let results = Results()
        try read(path, times: 40, with: pool, into: results)
        let failures = try results.wait(for: 40).filter { (try? $0.result.get()) == nil }
        #expect(failures.count <= 1)
        for failure in failures { #expect(failure.result == .failure(.workerDied(signal: SIGKILL))) }
        #expect(pool.processes.first?.pid != first.pid)
    }

    @Test("a worker that hangs is killed after the time of one job, which alone fails")
    func stoppedWorker() throws {
        let pool = try MediaWorkerPool.forTests(jobTimeout: .milliseconds(700))
        defer { pool.stop() }
        let path = try samples.encode("a.flac")
        _ = try pool.report(of: path)
        let first = try #require(pool.processes.first)
        first.send(SIGSTOP)
        let results = Results()
        try read(path, times: 10, with: pool, into: results)
        let answers = try results.wait(for: 10)
        #expect(answers.filter { $0.result == .failure(.timedOut) }.map(\.name) == [0])
        #expect(answers.filter { (try? $0.result.get()) != nil }.count == 9)
        #expect(try waitForEnd(of: first.pid, until: 0))
    }

    @Test("an idle worker goes, and comes again with the next file")
    func idle() throws {
        let pool = try MediaWorkerPool.forTests(idleTimeout: .milliseconds(50))
        defer { pool.stop() }
        #expect(pool.processes.isEmpty)
        let path = try samples.encode("a.flac")
        _ = try pool.report(of: path)
        let deadline = monotonicNanoseconds() + 20_000_000_000
        while !pool.processes.isEmpty, monotonicNanoseconds() < deadline { usleep(5000) }
        #expect(pool.processes.isEmpty)
        #expect(try pool.report(of: path).tags.first(.album) == "Album")
    }

    @Test("stopping answers every job once and leaves no process")
    func stop() throws {
        let pool = try MediaWorkerPool.forTests()
        let path = try samples.encode("a.flac")
        _ = try pool.report(of: path)
        let process = try #require(pool.processes.first)
        process.send(SIGSTOP)
        let results = Results()
        try read(path, times: 12, with: pool, into: results)
        pool.stop()
        let answers = try results.wait(for: 12)
        #expect(answers.count == 12 && answers.allSatisfy { (try? $0.result.get()) == nil })
        #expect(try waitForEnd(of: process.pid, until: 0))
        guard case .failure(.unavailable) = try pool.result(of: path) else {
            Issue.record("a stopped pool took a job")
            return
        }
    }

    @Test(
        "a worker that cannot be started makes files unavailable, not unreadable",
        arguments: ["/nonexistent", "/bin/false"])
    func noWorker(_ program: String) throws {
        let pool = MediaWorkerPool(executable: FilePath(program), workers: 1, log: .disabled)
        defer { pool.stop() }
        let path = try samples.encode("a.flac")
        for _ in 0..<3 {
            guard case .failure(.unavailable) = try pool.result(of: path) else {
                Issue.record("not unavailable")
                return
            }
        }
    }

    @Test("forbidden calls are deadly in the sandbox", arguments: ["open", "socket", "execve"])
    func sandbox(_ call: String) throws {
        let worker = try MediaWorkerLocator.find(environment: [:])
        #expect(try runProgram([worker.description, "--self-test-sandbox", call]).status == 128 + SIGSYS)
    }

    @Test("the locator obeys the environment and names the remedy")
    func locator() throws {
        #expect(try MediaWorkerLocator.find(environment: ["MUSICFS_MEDIA": "/bin/sh"]) == "/bin/sh")
        let error = #expect(throws: MediaWorkerLocator.NotFound.self) {
            try MediaWorkerLocator.find(environment: ["MUSICFS_MEDIA": "/nonexistent"])
        }
        #expect(error?.description.contains("MUSICFS_MEDIA") == true)
    }
}
