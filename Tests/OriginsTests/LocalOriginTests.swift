import Foundation
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem
import TestSupport
import Testing

@Suite struct LocalOriginTests {
    private func makeOrigin(_ root: FilePath, clones: Bool = false) throws -> LocalOrigin {
        let lane = try IOLane(name: "test", deadline: .seconds(5), timer: try DeadlineTimer(clock: SystemClock()))
        return try LocalOrigin(
            id: 1, name: "test", root: root, lane: lane, timeout: .seconds(5),
            makeClone: { path in
                guard clones, let clone = try? cloneMountReadOnly(path) else { return nil }
                return SharedFD(clone)
            })
    }

    @Test func filesAreOpenedBelowTheRootAlone() throws {
        let directory = try TestDirectory()
        let root = directory.path.appending("music")
        try createDirectories(root.appending("a"))
        try writeFileAtomically(root.appending("a/inside"), [1])
        try writeFileAtomically(directory.path.appending("outside"), [2])
        for (link, target) in [
            ("out", "../outside"), ("absolute-out", directory.path.appending("outside").description),
            ("in", "a/inside"), ("absolute-in", root.appending("a/inside").description),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: root.appending(link).description, withDestinationPath: target)
        }
        let origin = try makeOrigin(root)
        for path: FilePath in ["a/inside", "in", "absolute-in"] {
            let fd = try origin.open(path)
            #expect(try readFully(fd.raw, at: 0, count: 9) == [1])
        }
        for path: FilePath in ["out", "absolute-out", "../outside", "a/../../outside"] {
            #expect(throws: SystemError.self) { _ = try origin.open(path) }
        }
    }

    @Test func anotherDirectoryAtTheSamePathHasAnotherMarker() throws {
        let directory = try TestDirectory()
        let root = directory.path.appending("music")
        try createDirectories(root)
        let origin = try makeOrigin(root)
        let before = try origin.marker(deadline: .max)
        #expect(try origin.marker(deadline: .max) == before)
        // The old one stays, so that its inode is not given out again.
        try rename(root, to: directory.path.appending("old"))
        try createDirectories(root)
        #expect(try origin.marker(deadline: .max) != before)
    }

    @Test(.enabled(if: ThisProcess.isAdministrator, "making mount clones takes CAP_SYS_ADMIN"))
    func throughACloneNothingCanBeWrittenAndReadingLeavesNoTrace() throws {
        let directory = try TestDirectory()
        let file = directory.path.appending("f")
        try writeFileAtomically(file, [1, 2, 3])
        _ = try runProgram(["touch", "-a", "-d", "2001-01-01", file.description])
        let clone = try cloneMountReadOnly(directory.path)
        #expect {
            _ = try open("f", at: clone.raw, [.readWrite])
        } throws: { ($0 as? SystemError)?.errno == .readOnly }
        let origin = try makeOrigin(directory.path, clones: true)
        #expect(origin.isCloned)
        let before = try FileStatus.of(file).accessed
        let fd = try origin.open("f")
        #expect(try readFully(fd.raw, at: 0, count: 3) == [1, 2, 3])
        #expect(try FileStatus.of(file).accessed == before)
    }

    @Test func fileSystemsAreKnownByTheirNumbers() {
        #expect(FileSystemKind(magic: 0xEF53) == .local)
        #expect(FileSystemKind(magic: 0x0102_1994) == .localLayered)
        #expect(FileSystemKind(magic: 0x6969) == .remote)
    }
}
