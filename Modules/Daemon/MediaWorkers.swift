import MusicFSCache
import MusicFSCore
import MusicFSMetadata
import MusicFSSync
import MusicFSSystem

/// The pool of media workers as the scanner wants it.
final class MediaWorkers: MediaReader {
    private let pool: MediaWorkerPool
    /// Files that are being read in ranges.
    private let ranged = Condition(Ranged())

    private struct Ranged: Sendable {
        var count = 0
        var isStopped = false
    }

    /// So many at once keep a slow link busy, and hold some megabytes.
    private static let mostRanged = 32

    /// - Parameter count: workers; 0 for one each core.
    /// - Throws: when `musicfs-media` cannot be found.
    init(_ count: Int, environment: [String: String], log: Logger) throws {
        let executable = try MediaWorkerLocator.find(environment: environment)
        pool = MediaWorkerPool(executable: executable, workers: count > 0 ? count : ThisProcess.cores, log: log)
    }

    func read(
        _ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool,
        completion: @escaping @Sendable (AudioContent) -> Void
    ) {
        pool.read(fd, name: name, wantsIdentity: wantsIdentity) { completion(AudioContent($0)) }
    }

    func read(
        _ source: any RangeSource, size: Int64, name: [UInt8], wantsIdentity: Bool,
        onBytes: @escaping @Sendable (Int64, ContentBytes) -> Void,
        completion: @escaping @Sendable (AudioContent) -> Void
    ) {
        let isTaken = ranged.wait { ranged -> Bool? in
            if ranged.isStopped { return false }
            guard ranged.count < Self.mostRanged else { return nil }
            ranged.count += 1
            return true
        }
        guard isTaken else { return completion(.postponed(reason: "MusicFS is stopping")) }
        RangedReading.start(
            source, size: size, name: name, wantsIdentity: wantsIdentity, pool: pool, onBytes: onBytes
        ) { [self] result in
            ranged.withLock { $0.count -= 1 }
            ranged.broadcast()
            completion(AudioContent(result))
        }
    }

    func stop() {
        ranged.withLock { $0.isStopped = true }
        ranged.broadcast()
        pool.stop()
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
