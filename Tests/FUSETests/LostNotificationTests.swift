import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

/// A server dies between a commit and telling the kernel of it. Killing the program hits that moment too seldom, so
/// here two servers run by hand on one connection, and the first is told nothing of the commit.
@Suite(.enabled(if: canMount))
struct LostNotificationTests {
    @Test func aSuccessorTellsWhatItsPredecessorDidNot() throws {
        let byHand = try MountByHand()
        let (mount, library, origin) = (byHand.mount, byHand.library, byHand.origin)
        func add(_ name: String) throws {
            _ = try library.apply([
                .audio(
                    OriginFile(origin: origin, folder: Array("album".utf8), name: Array(name.utf8)),
                    FileStamp(size: 1, modified: 1, inode: 1), .unreadable(reason: "none"))
            ])
        }
        try add("one.mp3")

        func names(_ path: FilePath) throws -> Set<String> {
            // The kernel may hold a thread of this process while it waits for an answer of this process.
            let listed = try runProgram(["ls", path.description])
            return Set(String(decoding: listed.output, as: UTF8.self).split(separator: "\n").map(String.init))
        }
        let first = try byHand.makeServer()
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
        try byHand.stop(first)

        let second = try byHand.makeServer()
        try second.start(threads: 1)
        let end = Date().addingTimeInterval(10)
        while try names(album).count != 2, Date() < end { usleep(10_000) }
        #expect(try names(album).count == 2)
        _ = second.stop(until: monotonicNanoseconds() + 1_000_000_000)
    }
}
