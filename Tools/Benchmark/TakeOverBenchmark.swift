import MusicFSSystem
import Synchronization

/// How long a reader waits when the server is replaced: killed twenty times, and upgraded twenty times.
func measureTakeOver(_ place: Workplace) throws -> [Row] {
    let origin = try place.makeScratch("music")
    try createDirectories(origin.appending("Album"))
    try writeWave(origin.appending("Album/Large.wav"), dataBytes: 64 << 20)
    var directories = try place.freshDirectories(origin: origin)
    // Or else the kernel reads the file by itself, and nobody notices anything.
    directories.allowsPassthrough = false
    let rounds = place.quick ? 5 : 20
    return try place.withMount(directories, scans: true) { mount in
        _ = try mount.command(["scan"])
        let reader = try PausedReader(try wholeFiles(below: mount.point)[0])
        defer { reader.stop() }
        let killed = try pauses(place, reader, rounds) { _ = sendSignal(Signal.kill, to: try serverPID(mount)) }
        let upgraded = try pauses(place, reader, rounds) { _ = try mount.command(["upgrade"]) }
        guard reader.errors == 0 else {
            throw BenchmarkError("\(reader.errors) reads failed while servers were replaced")
        }
        return [("kill", killed), ("upgrade", upgraded)].flatMap { name, pauses in
            [
                Row(name: "pause_\(name)_p50", ours: median(pauses), unit: "ms", better: .lower),
                Row(
                    name: "pause_\(name)_p95", ours: percentile(pauses, 0.95), unit: "ms", better: .lower, target: 200),
            ]
        }
    }
}

/// The longest read, in milliseconds, around each replacement.
private func pauses(
    _ place: Workplace, _ reader: PausedReader, _ rounds: Int, _ replace: () throws -> Void
) throws -> [Double] {
    var pauses: [Double] = []
    for _ in 0..<rounds {
        try place.checkpoint()
        // A server that has not served for a second counts as one that cannot start, and is waited for.
        _ = pollReadable([], milliseconds: 1200)
        _ = reader.takeLongest()
        try replace()
        _ = pollReadable([], milliseconds: 500)
        pauses.append(reader.takeLongest())
    }
    return pauses
}

private func serverPID(_ mount: MusicFSMount) throws -> Int32 {
    let text = try mount.command(["status", "--json"])
    let digits = text.firstRange(of: "\"pid\":").map {
        text[$0.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
    }
    guard let pid = digits.flatMap({ Int32($0) }) else { throw BenchmarkError("no pid in \(text)") }
    return pid
}

/// Reads at random places of a file all the time, past the kernel's cache.
private final class PausedReader: Sendable {
    private struct State {
        var longest: Double = 0
        var errors = 0
        var isStopping = false
        var hasEnded = false
    }

    private let state = Condition(State())

    init(_ path: FilePath) throws {
        let file = SharedFD(try open(path, [.read]))
        let size = try FileStatus.of(path).size
        try startThread("reader") { [state] in
            var random = SystemRandomNumberGenerator()
            while !state.withLock({ $0.isStopping }) {
                let offset = Int64.random(in: 0..<(size - 65536), using: &random)
                let begin = monotonicNanoseconds()
                do {
                    try dropCachedPages(file.raw)
                    _ = try readFully(file.raw, at: offset, count: 65536)
                } catch { state.withLock { $0.errors += 1 } }
                let time = Double(monotonicNanoseconds() - begin) / 1e6
                state.withLock { $0.longest = max($0.longest, time) }
            }
            state.withLock { $0.hasEnded = true }
            state.broadcast()
        }
    }

    var errors: Int { state.withLock { $0.errors } }

    /// Milliseconds of the longest read since this was asked last, one that is under way not counted.
    func takeLongest() -> Double {
        state.withLock { state in
            defer { state.longest = 0 }
            return state.longest
        }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        _ = state.wait { $0.hasEnded ? true : nil }
    }
}
