import MusicFSCache
import MusicFSCore
import MusicFSMetadata
import MusicFSSync
import MusicFSSystem

/// The pool of media workers, which all origins share.
final class MediaWorkers: Sendable {
    fileprivate let pool: MediaWorkerPool
    /// Files that are being read in ranges.
    private let ranged = Condition(Ranged())

    private struct Ranged: Sendable {
        var counts: [Int64: Int] = [:]
        var isStopped = false
    }

    /// So many of one origin at once keep a slow link busy, and hold some megabytes. An origin that hangs with all of
    /// its own holds back no other.
    private static let mostRanged = 32

    /// - Parameter count: workers; 0 for one each core.
    /// - Throws: when `musicfs-media` cannot be found.
    init(_ count: Int, environment: [String: String], log: Logger) throws {
        let executable = try MediaWorkerLocator.find(environment: environment)
        pool = MediaWorkerPool(executable: executable, workers: count > 0 ? count : ThisProcess.cores, log: log)
    }

    /// As the scanner of one origin wants it.
    func reader(origin: Int64) -> any MediaReader { OriginMedia(workers: self, origin: origin) }

    /// Waits for a place among the files of an origin that are read in ranges.
    ///
    /// - Returns: false when MusicFS is stopping.
    fileprivate func begin(_ origin: Int64) -> Bool {
        ranged.wait { ranged -> Bool? in
            if ranged.isStopped { return false }
            guard ranged.counts[origin, default: 0] < Self.mostRanged else { return nil }
            ranged.counts[origin, default: 0] += 1
            return true
        }
    }

    fileprivate func end(_ origin: Int64) {
        ranged.withLock { $0.counts[origin, default: 1] -= 1 }
        ranged.broadcast()
    }

    func stop() {
        ranged.withLock { $0.isStopped = true }
        ranged.broadcast()
        pool.stop()
    }
}

private struct OriginMedia: MediaReader {
    let workers: MediaWorkers
    let origin: Int64

    func read(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool,
        completion: @escaping @Sendable (AudioContent) -> Void
    ) {
        workers.pool.read(fd, name: name, wantsIdentity: wantsIdentity) { completion(AudioContent($0)) }
    }

    func read(
        _ source: any RangeSource, size: Int64, name: [UInt8], wantsIdentity: Bool,
        onBytes: @escaping @Sendable (Int64, ContentBytes) -> Void,
        completion: @escaping @Sendable (AudioContent) -> Void
    ) {
        guard workers.begin(origin) else { return completion(.postponed(reason: "MusicFS is stopping")) }
        RangedReading.start(
            source, size: size, name: name, wantsIdentity: wantsIdentity, pool: workers.pool, onBytes: onBytes
        ) { [workers, origin] result in
            workers.end(origin)
            completion(AudioContent(result))
        }
    }
}

extension AudioContent {
    fileprivate init(_ result: Result<MediaReport, MediaError>) {
        switch result {
        case .success(let report): self = .report(report)
        case .failure(.unavailable(let reason)): self = .postponed(reason: reason)
        // Somebody else killed the worker, or memory ran out: not proven to be the file's fault.
        case .failure(.workerDied(Signal.kill)): self = .postponed(reason: "its reader was killed")
        case .failure(let error): self = .unreadable(reason: "\(error)")
        }
    }
}
