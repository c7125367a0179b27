import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

/// A server dies between a commit and telling the kernel of it. Killing the program hits that moment too seldom, so
/// here two servers run by hand on one connection, and the first is told nothing of the commit.
@Suite(.enabled(if: (try? open("/dev/fuse", [.readWrite])) != nil || ThisProcess.environment["CI"] == "true"))
struct LostNotificationTests {
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

    @Test func aSuccessorTellsWhatItsPredecessorDidNot() throws {
        let directory = try TestDirectory()
        let mount = directory.path.appending("mount")
        try createDirectories(mount)
        let library = try Library.open(
            directory.path.appending("library.db"),
            Library.Options(template: .standard, showsCompanions: true, nextEpoch: { 1 }, onCommit: { _, _ in }))
        let origin = try #require(
            try library.setOrigins([
                OriginSetting(name: "a", type: "local", root: "/x", priority: 1)
            ])["a"])
        func add(_ name: String) throws {
            _ = try library.apply([
                .audio(
                    OriginFile(origin: origin, folder: Array("album".utf8), name: Array(name.utf8)),
                    FileStamp(size: 1, modified: 1, inode: 1), .unreadable(reason: "none"))
            ])
        }
        try add("one.mp3")

        let device = SharedFD(try FUSEMount.mount(mount, options: ["ro", "fsname=musicfs-test"]))
        defer { _ = try? runProgram(["umount", "-l", mount.description]) }
        let journal = try Journal.create()
        try answerInit(device, journal)
        func makeServer() throws -> FUSEServer {
            journal.raiseGeneration()
            let metrics = MetricsRegistry()
            return try FUSEServer(
                device: device.raw, journal: journal, library: library, content: NoContent(), registry: NoBackings(),
                settings: FileSystemSettings(
                    owner: ThisProcess.user, group: ThisProcess.group, timeout: .seconds(86_400)), metrics: metrics,
                log: .disabled, isAwaited: { false }, isBeingRecovered: { _ in false }, onDisconnect: {})
        }
        func names(_ path: FilePath) throws -> Set<String> {
            // The kernel may hold a thread of this process while it waits for an answer of this process.
            let listed = try runProgram(["ls", path.description])
            return Set(String(decoding: listed.output, as: UTF8.self).split(separator: "\n").map(String.init))
        }
        let first = try makeServer()
        try first.start(threads: 1)
        var album = mount
        while let inner = try names(album).first, !inner.hasSuffix(".mp3") { album = album.appending(inner) }
        // Reached without looking up its name, as by a program that works in it: a look-up would bring its new time.
        let handle = try open(album, .read)
        album = FilePath("/proc/\(ThisProcess.pid)/fd/\(handle.raw)/.")
        let before = try names(album)
        #expect(before.count == 1)
        try add("two.mp3")
        #expect(try names(album) == before, "the listing was not cached: this test shows nothing")
        #expect(first.stop(until: monotonicNanoseconds() + 1_000_000_000))
        // The last request that its thread takes.
        _ = try runProgram(["ls", mount.appending("nothing").description])

        let second = try makeServer()
        try second.start(threads: 1)
        let end = Date().addingTimeInterval(10)
        while try names(album).count != 2, Date() < end { usleep(10_000) }
        #expect(try names(album).count == 2)
        _ = second.stop(until: monotonicNanoseconds() + 1_000_000_000)
    }

    /// The guardian's part.
    private func answerInit(_ device: SharedFD, _ journal: Journal) throws {
        var request = [UInt8](repeating: 0, count: 16384)
        let length = try unsafe request.withUnsafeMutableBytes { try unsafe readOnce(device.raw, into: $0) }
        request.removeLast(request.count - length)
        let (reply, _) = try #require(InitNegotiation.reply(to: request, wantsPassthrough: false))
        try writeFully(device.raw, reply)
        journal.saveInit(request: request, reply: reply)
    }
}
