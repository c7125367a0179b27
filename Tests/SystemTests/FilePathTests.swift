import Foundation
import MusicFSSystem
import Synchronization
import Testing

@Suite struct FilePathTests {
    @Test func componentsAndParents() {
        let path: FilePath = "/a/b//c/"
        #expect(Array(path.lastComponent) == Array("c".utf8))
        #expect(path.parent == "/a/b")
        #expect(FilePath("/a").parent == "/")
        #expect(FilePath("a").parent == ".")
        #expect(FilePath("/a/b").isWithin("/a"))
        #expect(!FilePath("/ab").isWithin("/a"))
    }

    @Test func aPathHoldsNoNUL() {
        #expect(FilePath(bytes: [65, 0, 66]) == nil)
    }

    @Test func filesAreReplacedAtomicallyAndReadBack() throws {
        let directory = FilePath(NSTemporaryDirectory()).appending("musicfs-\(UUID().uuidString)/x/y")
        try createDirectories(directory)
        let file = directory.appending("f")
        try writeFileAtomically(file, Array("one".utf8))
        try writeFileAtomically(file, Array("two".utf8))
        #expect(try readFile(file) == Array("two".utf8))
        #expect(try FileStatus.of(file).size == 3)
        let fd = try open(directory, [.read, .directory])
        #expect(try listDirectory(fd.raw).map(\.name) == [Array("f".utf8)])
        #expect(throws: SystemError.self) { _ = try open(directory.appending("absent"), .read) }
    }

    @Test func aThreadRuns() throws {
        let value = Mutex(0)
        let done = DispatchSemaphore(value: 0)
        try startThread("test") {
            value.withLock { $0 = 7 }
            done.signal()
        }
        #expect(done.wait(timeout: .now() + 5) == .success)
        #expect(value.withLock { $0 } == 7)
    }
}
