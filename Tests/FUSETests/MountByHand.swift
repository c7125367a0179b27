import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

/// Whether a mount can be made here; where it must be, tests are not skipped.
let canMount = (try? open("/dev/fuse", [.readWrite])) != nil || ThisProcess.environment["CI"] == "true"

/// A mount whose servers are started and stopped by a test, in its own process. What looks at it are other processes: the
/// kernel may hold a thread of this one while it waits for an answer of this one.
final class MountByHand {
    private struct NoContent: ContentProvider {
        func plan(origin: Int64) -> ReadPlan { .direct }
        func abandonPassthrough(origin: Int64) {}
        func open(
            _ version: ContentVersion, others: [OtherReplica],
            completion: @escaping @Sendable (Result<any OpenContent, ContentError>) -> Void
        ) { completion(.failure(.unreachable)) }
        var hasSeveralOrigins: Bool { false }
        func servedFrom(_ version: ContentVersion) -> Int64 { version.origin }
        func quarantine(_ version: ContentVersion) {}
    }

    private struct NoBackings: BackingRegistry {
        func openBacking(_ fd: CInt) throws(BackingError) -> UInt32 { throw .refused }
        func closeBacking(_ id: UInt32) {}
    }

    let directory: TestDirectory
    let mount: FilePath
    private(set) var library: Library
    private(set) var origin: Int64
    private let device: SharedFD
    private let journal: Journal

    init() throws {
        directory = try TestDirectory()
        mount = directory.path.appending("mount")
        try createDirectories(mount)
        (library, origin) = try Self.makeLibrary(directory.path.appending("library.db"), epoch: 1)
        device = SharedFD(try FUSEMount.mount(mount, options: ["ro", "fsname=musicfs-test"]))
        journal = try Journal.create()
        try answerInit()
    }

    private static func makeLibrary(_ path: FilePath, epoch: Int64) throws -> (Library, Int64) {
        let library = try Library.open(
            path,
            Library.Options(template: .standard, showsCompanions: true, nextEpoch: { epoch }, onCommit: { _, _ in }))
        let origins = try library.setOrigins([OriginSetting(name: "a", type: "local", root: "/x", priority: 1)])
        return (library, try #require(origins["a"]))
    }

    /// An empty one, which the next server serves.
    func replaceLibrary() throws {
        (library, origin) = try Self.makeLibrary(directory.path.appending("library2.db"), epoch: 2)
    }

    deinit { _ = try? runProgram(["umount", "-l", mount.description]) }

    /// The guardian's part.
    private func answerInit() throws {
        var request = [UInt8](repeating: 0, count: 16384)
        let length = try unsafe request.withUnsafeMutableBytes { try unsafe readOnce(device.raw, into: $0) }
        request.removeLast(request.count - length)
        let (reply, _) = try #require(InitNegotiation.reply(to: request, wantsPassthrough: false))
        try writeFully(device.raw, reply)
        journal.saveInit(request: request, reply: reply)
    }

    /// The next server, which takes over.
    func makeServer(_ virtual: VirtualDirectories? = nil) throws -> FUSEServer {
        journal.raiseGeneration()
        return try FUSEServer(
            device: device.raw, journal: journal, library: library, content: NoContent(), registry: NoBackings(),
            settings: FileSystemSettings(
                owner: ThisProcess.user, group: ThisProcess.group, timeout: .seconds(86_400)),
            metrics: MetricsRegistry(), log: .disabled, isAwaited: { false }, isBeingRecovered: { _ in false },
            virtual: virtual, onDisconnect: {})
    }

    /// Stops a server for good: its one thread takes a last request.
    func stop(_ server: FUSEServer) throws {
        #expect(server.stop(until: monotonicNanoseconds() + 1_000_000_000))
        _ = try runProgram(["ls", mount.appending("nothing \(UUID().uuidString)").description])
    }

    /// What a shell prints in the mount, as lines.
    func shell(_ script: String) throws -> (status: Int32, lines: [String]) {
        let result = try runProgram(["bash", "-c", "cd '\(mount)' && { \(script)\n} 2>&1"])
        let text = String(decoding: result.output, as: UTF8.self)
        return (
            result.status, text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        )
    }
}
