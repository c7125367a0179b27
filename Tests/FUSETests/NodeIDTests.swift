import MusicFSCore
import MusicFSFUSE
import TestSupport
import Testing

@Suite struct NodeIDTests {
    @Test func idsSurviveTheRoundTrip() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<10_000 {
            let kinds: [NodeID.Kind] = [.directory, .file(.direct), .file(.passthrough)]
            let id = NodeID(
                kind: kinds.randomElement(using: &random) ?? .directory,
                generation: UInt64.random(in: 0...0x3fff, using: &random),
                epoch: UInt64.random(in: 0...0x3ff, using: &random),
                id: Int64.random(in: 2...0xf_ffff_ffff, using: &random))
            #expect(NodeID(raw: id.raw) == id)
            #expect(id.raw >> 63 == 0)
        }
        #expect(NodeID.root.raw == 1)
    }

    @Test func numbersThatNobodyGaveOutAreRefused() {
        #expect(NodeID(raw: UInt64(7) << 60 | 5) == nil)
    }

    @Test func nodesOfTwoEpochsNeverShareAnInode() {
        #expect(NodeID.inode(epoch: 1, node: 5) != NodeID.inode(epoch: 2, node: 5))
        #expect(NodeID.inode(epoch: 9, node: 1) == 1)
    }
}
