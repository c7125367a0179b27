import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSOrigins

/// Adjacent parts of a file that are asked for as one.
@Suite struct FederatedSourceTests {
    private static let content = Pattern.bytes(3, 0..<100_000)
    private static let parts: [Range<Int64>] = [20_000..<30_000, 30_000..<50_000, 50_000..<51_000, 51_000..<90_000]
    private static let path = bytes("a.mp3")

    /// All origins are well, and asked in the order of their ids.
    private final class Routing: ReplicaRouting {
        let errors = Counter()

        func order(_ replicas: [(origin: Int64, priority: Int)]) -> [Int64] { replicas.map(\.origin).sorted() }
        func isUsable(origin: Int64) -> Bool { true }
        func note(origin: Int64, error: OriginError?, bytes: Int, latency: UInt64) {
            if error != nil { errors.increment() }
        }
        func noteStale(origin: Int64, path: [UInt8]) {}
    }

    private struct Answers {
        var order: [Int] = []
        var bytes: [Int: [UInt8]] = [:]
        var failures: [Int: ContentError] = [:]
    }

    /// A server that breaks off its answers after so many bytes of the body, as often as is said.
    ///
    /// - Parameter stays: whether it keeps the connection, and says no more.
    private func folder(breaks times: Int, after count: Int, stays: Bool = false) throws -> ScriptedFolder {
        let folder = try ScriptedFolder(["a.mp3": Self.content])
        let left = Condition(times)
        folder.meddle { [files = folder.files] request in
            guard request.method == "GET",
                left.withLock({
                    $0 -= 1; return $0 >= 0
                }),
                case .response(let status, let headers, let body) = ScriptedFolder.answer(request, files)
            else { return nil }
            return stays
                ? .stuck(status, headers, body, count: count) : .short(status, headers, body, count: count)
        }
        return folder
    }

    private func read(_ folders: [ScriptedFolder], retries: [Duration], _ routing: Routing = Routing()) throws
        -> Answers
    {
        var replicas: [ReplicaLocation] = []
        for (number, folder) in folders.enumerated() {
            let origin = try folder.origin(id: Int64(number + 1))
            replicas.append(
                ReplicaLocation(
                    origin: origin, priority: 0, path: Self.path,
                    stamp: try origin.status(Self.path, deadline: deadline()).stamp,
                    bandwidth: BandwidthLimit(rate: 0), isLocal: false))
        }
        var settings = FederationSettings()
        settings.retries = retries
        settings.hedge = .milliseconds(300)
        let source = FederatedSource(
            replicas: replicas, routing: routing, scheduler: try Scheduler(), settings: settings,
            memory: MemoryPool(limit: 1 << 20, timer: try DeadlineTimer()))
        let answers = Condition(Answers())
        source.fetch(Self.parts) { part, result in
            answers.withLock { answers in
                answers.order.append(part)
                switch result {
                case .success(let bytes): answers.bytes[part] = unsafe Array(bytes.buffer)
                case .failure(let error): answers.failures[part] = error
                }
            }
            answers.broadcast()
        }
        return try #require(
            answers.wait(until: deadline(20)) { $0.order.count == Self.parts.count ? $0 : nil })
    }

    private func expectRight(_ answers: Answers, _ parts: Range<Int>) {
        for part in parts {
            let range = Self.parts[part]
            #expect(answers.bytes[part] == Array(Self.content[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
    }

    @Test func adjacentPartsAreOneRequest() throws {
        let folder = try folder(breaks: 0, after: 0)
        let answers = try read([folder], retries: [])
        #expect(answers.order == Array(Self.parts.indices))
        expectRight(answers, Self.parts.indices)
        #expect(folder.server.requests.filter { $0.method == "GET" }.map(\.range) == [20_000..<90_000])
    }

    @Test func whatCameBeforeAnAnswerBrokeOffIsGiven() throws {
        // In the middle of the third part.
        let answers = try read([try folder(breaks: .max, after: 30_500)], retries: [])
        #expect(answers.order == Array(Self.parts.indices))
        expectRight(answers, 0..<2)
        #expect(answers.failures == [2: .unreachable, 3: .unreachable])
    }

    @Test func anotherTryAsksForWhatHasNotCome() throws {
        let folder = try folder(breaks: 2, after: 30_500)
        let routing = Routing()
        let answers = try read([folder], retries: [.milliseconds(1), .milliseconds(1)], routing)
        #expect(answers.order == Array(Self.parts.indices))
        expectRight(answers, Self.parts.indices)
        #expect(
            folder.server.requests.filter { $0.method == "GET" }.map(\.range)
                == [20_000..<90_000, 50_000..<90_000, 51_000..<90_000])
        #expect(routing.errors.value == 2)
    }

    @Test func anotherReplicaGoesOnWhereOneBrokeOff() throws {
        let (bad, good) = (try folder(breaks: .max, after: 30_500), try folder(breaks: 0, after: 0))
        let answers = try read([bad, good], retries: [])
        expectRight(answers, Self.parts.indices)
        #expect(good.server.requests.filter { $0.method == "GET" }.map(\.range) == [50_000..<90_000])
    }

    @Test func anotherReplicaGoesOnWhereOneIsStuck() throws {
        let stuck = try folder(breaks: .max, after: 30_500, stays: true)
        let good = try folder(breaks: 0, after: 0)
        let answers = try read([stuck, good], retries: [])
        expectRight(answers, Self.parts.indices)
        #expect(answers.order == Array(Self.parts.indices))
        #expect(good.server.requests.filter { $0.method == "GET" }.map(\.range) == [50_000..<90_000])
        // Once a try hangs, and not sooner.
        #expect(stuck.server.requests.filter { $0.method == "GET" }.count == 1)
    }
}
