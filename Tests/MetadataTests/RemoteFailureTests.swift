import Foundation
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem
import Testing

/// Slow, failing and silent origins, and workers that die.
@Suite struct RemoteFailureTests {
    let samples: Samples

    init() throws { samples = try Samples() }

    private func encode(_ name: String) throws -> FilePath {
        try samples.encode(name, options: RemoteTests.options, source: RemoteTests.noise)
    }

    private func isUnavailable(_ result: Result<MediaReport, MediaError>) -> Bool {
        if case .failure(.unavailable) = result { return true }
        return false
    }

    private func start(
        _ source: FileSource, size: Int64? = nil, _ pool: MediaWorkerPool, _ number: Int, into results: Results
    ) {
        RangedReading.start(
            source, size: size ?? source.size, name: Array("a.mp3".utf8), wantsIdentity: true, pool: pool,
            onBytes: { _, _ in }, completion: { results.add(number, $0) })
    }

    @Test(
        "a fetch that fails says nothing about the file, whichever it is",
        arguments: [ContentError.changed, .unreachable, .failed(.io)])
    func failingFetch(_ error: ContentError) throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.mp3")
        let whole = try FileSource(path)
        #expect(throws: Never.self) { try pool.result(of: whole, name: "a.mp3").get() }
        let requests = whole.counts.requests
        #expect(requests > 10)
        for request in 0..<requests {
            let source = try FileSource(path, failure: (request, error))
            let kept = Kept()
            let result = try pool.result(of: source, name: "a.mp3", kept: kept)
            #expect(isUnavailable(result), "request \(request)")
            if case .failure(let failure) = result {
                #expect(failure.description.contains("changed") == (error == .changed))
            }
            // All fetches of the round have ended, and nothing more was asked for.
            #expect(source.counts.answered == source.counts.requests)
            #expect(source.counts.requests == (request < 2 ? 2 : requests))
            #expect(try kept.agrees(with: path))
        }
    }

    @Test("a silent origin holds back neither local files nor another origin's, with a single worker")
    func silentOrigin() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.mp3")
        let results = Results()
        // Some are silent from the beginning, some when a worker has asked for more.
        let sources = try (0..<40).map { try FileSource(path, holdsFrom: $0 < 10 ? 0 : 2) }
        for (index, source) in sources.enumerated() { start(source, pool, index, into: results) }
        for source in sources { try source.waitUntilHeld() }
        let local = try pool.report(of: path, wantsIdentity: true)
        #expect(try pool.result(of: try FileSource(path), name: "a.mp3").get() == local)
        for source in sources { source.release() }
        #expect(try results.wait(for: 40).allSatisfy { $0.result == .success(local) })
    }

    @Test("giving bytes never waits for a worker, which may be long at other files")
    func busyWorkers() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.mp3")
        let local = try pool.report(of: path, wantsIdentity: true)
        let worker = try #require(pool.processes.first)
        worker.send(SIGSTOP)
        let results = Results()
        for index in 0..<MediaWorkerPool.depth {
            pool.read(try open(path, .read), name: Array("a.mp3".utf8), wantsIdentity: true) { results.add(index, $0) }
        }
        let source = try FileSource(path, holdsFrom: 0)
        start(source, pool, 100, into: results)
        try source.waitUntilHeld()
        let released = Condition(false)
        try startThread("origin") {
            source.release()
            released.withLock { $0 = true }
            released.broadcast()
        }
        #expect(released.wait(until: monotonicNanoseconds() + 5_000_000_000) { $0 ? true : nil } == true)
        worker.send(SIGCONT)
        #expect(try results.wait(for: MediaWorkerPool.depth + 1).allSatisfy { $0.result == .success(local) })
    }

    @Test("a worker that is killed while bytes are fetched costs nothing")
    func killedWhileFetching() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let path = try encode("a.mp3")
        let local = try pool.report(of: path, wantsIdentity: true)
        let source = try FileSource(path, holdsFrom: 2)
        let results = Results()
        start(source, pool, 0, into: results)
        try source.waitUntilHeld()
        let worker = try #require(pool.processes.first)
        worker.send(Signal.kill)
        // Its end is taken by the client, which notices it with the next job.
        #expect(pollReadable([worker.pidFD.raw], milliseconds: 10_000).first?.isReadable == true)
        source.release()
        let result = try #require(try results.wait(for: 1).first).result
        // The job that finds the worker gone may be blamed for it: postponed, not unreadable.
        #expect(result == .success(local) || result == .failure(.workerDied(signal: SIGKILL)))
        #expect(try pool.report(of: path, wantsIdentity: true) == local)
    }

    @Test("the time that fetching takes is not the worker's, and fetches of a file go side by side")
    func slowOrigin() throws {
        let pool = try MediaWorkerPool.forTests(jobTimeout: .milliseconds(1500))
        defer { pool.stop() }
        let path = try encode("a.mp3")
        let local = try pool.report(of: path, wantsIdentity: true)
        let source = try FileSource(path, delay: 1)
        let start = monotonicNanoseconds()
        #expect(try pool.result(of: source, name: "a.mp3").get() == local)
        // Two rounds with 15 requests.
        #expect(monotonicNanoseconds() - start < 8_000_000_000)
    }

    @Test("a file whose tags take more than they may is unreadable, and costs no more")
    func excessive() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        // A tag that claims 200 MB, in a file that has them.
        let path = samples.path("a.mp3")
        try writeFileAtomically(path, Array("ID3".utf8) + [4, 0, 0, 0x5f, 0x2f, 0x10, 0x00])
        let file = try #require(FileHandle(forWritingAtPath: path.description))
        try file.truncate(atOffset: 240_000_000)
        let source = try FileSource(path)
        let result = try pool.result(of: source, name: "a.mp3")
        guard case .failure(.unreadable(let reason)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(!reason.isEmpty)
        #expect(source.counts.bytes < 50 << 20)
    }

    @Test("a size that no file has is refused")
    func absurdSize() throws {
        let pool = try MediaWorkerPool.forTests()
        defer { pool.stop() }
        let source = try FileSource(try samples.encode("a.flac"))
        for size in [Int64.max, -1, Int64.min] {
            let results = Results()
            start(source, size: size, pool, 0, into: results)
            #expect(try results.wait(for: 1).allSatisfy { isUnavailable($0.result) })
        }
        #expect(source.counts.requests == 0)
    }

    @Test("a file that waits for its origin when the pool stops is answered once, and as unavailable")
    func stopping() throws {
        let pool = try MediaWorkerPool.forTests()
        let source = try FileSource(try samples.encode("a.mp3"), holdsFrom: 0)
        let results = Results()
        start(source, pool, 0, into: results)
        try source.waitUntilHeld()
        pool.stop()
        source.release()
        #expect(try results.wait(for: 1).allSatisfy { isUnavailable($0.result) })
    }
}
