import MusicFSCAS
import Testing

@Suite struct ChunkIDTests {
    @Test func namesAreOfTheContent() {
        #expect(ChunkID(of: [1, 2, 3]) == ChunkID(of: [1, 2, 3]))
        #expect(ChunkID(of: [1, 2, 3]) != ChunkID(of: [1, 2, 4]))
        #expect(ChunkID(of: []).bytes.count == 16)
    }
}
