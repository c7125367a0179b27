import MusicFSCore
import MusicFSDaemon
import MusicFSSystem
import TestSupport
import Testing

@Suite struct MountPreparationTests {
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test func aSecondHolderIsToldOfTheFirst() throws {
        let directory = try TestDirectory()
        let held = try MountPreparation.lock([directory.path])
        #expect(held.count == 1)
        let text = message { _ = try MountPreparation.lock([directory.path]) }
        #expect(text.contains("process \(ThisProcess.pid)") && text.contains("musicfs shutdown"))
        // The number of the holder is still there.
        #expect(try readFile(directory.path.appending("lock")) == Array("\(ThisProcess.pid)\n".utf8))
    }

    @Test func aDirectoryThatCannotBeWrittenIsNamed() {
        let text = message { _ = try MountPreparation.lock(["/proc/self"]) }
        #expect(text.contains("/proc/self") && text.contains("--cache-dir"))
    }

    @Test func mountPointsAreChecked() throws {
        let directory = try TestDirectory()
        let empty = directory.path.appending("empty")
        try createDirectories(empty)
        try writeFileAtomically(directory.path.appending("file"), [])
        func prepare(_ path: FilePath, _ origins: [FilePath] = []) -> String {
            message { try MountPreparation.prepare(path, origins: origins, log: .disabled) }
        }
        #expect(prepare(empty) == "")
        #expect(prepare(directory.path.appending("absent")).contains("mkdir -p"))
        #expect(prepare(directory.path).contains("not empty"))
        #expect(prepare(directory.path.appending("file")).contains("not a directory"))
        #expect(prepare(empty, [directory.path]).contains("inside the origin"))
    }
}
