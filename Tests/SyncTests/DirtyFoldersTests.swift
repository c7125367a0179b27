import Testing

@testable import MusicFSSync

@Suite struct DirtyFoldersTests {
    private let folder = Array("a".utf8)

    @Test func aFolderIsDueAfterItHasBeenQuiet() {
        var dirty = DirtyFolders(quiet: 200, longest: 2000)
        dirty.touch(folder, isRecursive: false, at: 1000)
        dirty.touch(folder, isRecursive: false, at: 1150)
        #expect(dirty.nextDue == 1350)
        #expect(dirty.takeDue(at: 1349).isEmpty)
        #expect(dirty.takeDue(at: 1350).map(\.path) == [folder])
        #expect(dirty.isEmpty)
    }

    @Test func aFolderThatIsNeverQuietIsDueAllTheSame() {
        var dirty = DirtyFolders(quiet: 200, longest: 2000)
        for time in stride(from: UInt64(0), through: 1990, by: 10) { dirty.touch(folder, isRecursive: false, at: time) }
        #expect(dirty.takeDue(at: 1999).isEmpty)
        #expect(dirty.takeDue(at: 2000).count == 1)
    }

    @Test func theWiderLookWins() {
        var dirty = DirtyFolders(quiet: 1, longest: 2)
        dirty.touch(folder, isRecursive: true, at: 0)
        dirty.touch(folder, isRecursive: false, at: 0)
        #expect(dirty.takeDue(at: 10).first?.isRecursive == true)
    }
}
