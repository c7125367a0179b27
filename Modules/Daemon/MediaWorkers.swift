import MusicFSCache
import MusicFSCore
import MusicFSMetadata
import MusicFSSync
import MusicFSSystem

/// The pool of media workers as the scanner wants it.
final class MediaWorkers: MediaReader {
    private let pool: MediaWorkerPool

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
        pool.read(fd, name: name, wantsIdentity: wantsIdentity) { result in
            switch result {
            case .success(let report): completion(.report(report))
            case .failure(.unavailable(let reason)): completion(.postponed(reason: reason))
            // Somebody else killed the worker, or memory ran out: not proven to be the file's fault.
            case .failure(.workerDied(Signal.kill)): completion(.postponed(reason: "its reader was killed"))
            case .failure(let error): completion(.unreadable(reason: "\(error)"))
            }
        }
    }

    func stop() { pool.stop() }
}
