package import MusicFSCore
package import MusicFSSystem

package enum MediaError: Error { case unreadable(reason: String) }
package struct MediaWorkerLocator { package static func find(environment: [String: String]) throws -> FilePath { "/bin/true" } }
package final class MediaWorkerPool: Sendable {
    package init(executable: FilePath, workers: Int, jobTimeout: Duration = .seconds(10), log: Logger) {}
    package func read(_ fd: consuming OwnedFD, name: [UInt8], wantsIdentity: Bool, completion: @escaping @Sendable (Result<MediaReport, MediaError>) -> Void) {
        let s = String(decoding: name, as: UTF8.self)
        completion(.success(MediaReport(tags: Tags(entries: [Tags.Entry(.artist, String(s.prefix(1))), Tags.Entry(.album, "Album"), Tags.Entry(.title, s)]))))
    }
    package func stop() {}
}
