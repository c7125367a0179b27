import MusicFSSystem
import Testing

@Suite struct RunProgramTests {
    @Test func outputAndStatusArrive() throws {
        let result = try runProgram(["sh", "-c", "echo out; echo err >&2; exit 7"])
        #expect(result.status == 7)
        #expect(result.output == Array("out\nerr\n".utf8))
    }

    @Test func aSignalIsToldAsAShellTellsIt() throws {
        #expect(try runProgram(["sh", "-c", "kill -TERM $$"]).status == 143)
    }

    @Test func outputBeyondAPipesRoomDoesNotBlock() throws {
        let result = try runProgram(["head", "-c", "1000000", "/dev/zero"])
        #expect(result.output.count == 1_000_000)
    }

    @Test func theInputIsEmptyAndTheEnvironmentIsInherited() throws {
        #expect(try runProgram(["cat"]).output.isEmpty)
        #expect(try !runProgram(["printenv", "PATH"]).output.isEmpty)
    }

    @Test func aMissingProgramIsNoEntry() throws {
        let error = #expect(throws: SystemError.self) { try runProgram(["no-such-program-here"]) }
        #expect(error?.errno == .noEntry)
    }
}

@Suite struct TemporaryDirectoryTests {
    @Test func itIsRemovedWithEverythingInItButNotWhatLinksPointTo() throws {
        let outside = try TemporaryDirectory.make(prefix: "musicfs-test-")
        try writeFileAtomically(outside.path.appending("kept"), [1])
        let path = try fill(outside.path)
        #expect(throws: SystemError.self) { try FileStatus.ofLink(path) }
        #expect(try readFile(outside.path.appending("kept")) == [1])
    }

    /// Makes a directory that goes when this returns.
    private func fill(_ outside: FilePath) throws -> FilePath {
        let directory = try TemporaryDirectory.make(prefix: "musicfs-test-")
        try createDirectories(directory.path.appending("a/b/c"))
        try writeFileAtomically(directory.path.appending("a/b/file"), [2])
        let link = directory.path.appending("a/link").description
        #expect(try runProgram(["ln", "-s", outside.description, link]).status == 0)
        #expect(try FileStatus.of(directory.path).mode & 0o777 == 0o700)
        return directory.path
    }
}
