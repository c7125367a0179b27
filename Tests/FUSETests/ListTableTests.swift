import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

@Suite struct VirtualNodeTests {
    @Test func idsSurviveTheRoundTrip() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<10_000 {
            let epoch = UInt64.random(in: 0...0x3ff, using: &random)
            let id = Int64.random(in: 1...0xf_ffff_ffff, using: &random)
            let hash = UInt64.random(in: 0...VirtualNode.hashMask, using: &random)
            let nodes: [VirtualNode] = [
                .directory(Int.random(in: 0..<ListTable.directories, using: &random)), .list(hash), .playlist(hash),
                .link(epoch: epoch, track: id), .hintDirectory(epoch: epoch, node: id),
                .hintLink(epoch: epoch, node: id), .hints,
            ]
            for node in nodes {
                #expect(VirtualNode(raw: node.raw) == node)
                #expect(NodeID(raw: node.raw) == nil)
                #expect(node.raw >> 63 == 0)
                #expect(node.isOf(epoch: epoch) || node == .hints)
            }
            #expect(!VirtualNode.link(epoch: epoch, track: id).isOf(epoch: epoch ^ 1))
            let real = NodeID(kind: .file(.cached), generation: hash, epoch: epoch, id: id)
            #expect(VirtualNode(raw: real.raw) == nil)
        }
        #expect(VirtualNode(raw: NodeID.rootRaw) == nil)
    }

    @Test func numbersThatNobodyGaveOutAreRefused() {
        let plan = UInt64(4) << 60
        for raw in [
            plan | 16, plan | 3 << 56, plan | 3 << 56 | 1 << 46 | 5, plan | 6 << 56 | 5, plan | 15 << 56, 5 << 60,
        ] {
            #expect(VirtualNode(raw: raw) == nil, "\(raw)")
        }
    }
}

/// A successor is asked for lists by ids that its predecessor gave out.
@Suite struct ListTableTests {
    private static func memory() throws -> SharedMemory {
        try SharedMemory.create(name: "test", size: ListTable.size + 64)
    }

    @Test func aSuccessorKnowsWhatItsPredecessorEntered() throws {
        let memory = try Self.memory()
        let first = ListTable(memory, at: 64)
        let names = ["a", "dark side", String(repeating: "ü", count: 127) + "x", "ねこ"]
        let lists = names.map { ListTable.List(directory: 1, name: $0) }
        let ids = try lists.map { try #require(first.enter($0)) }
        let playlist = try #require(first.enter(playlistOf: lists[1], size: 77, content: 0xfeed_0000_0000_0001))
        let times = ids.map { first.window(.list($0)) }
        let second = ListTable(memory, at: 64)
        #expect(ids.map { second.list($0) } == lists)
        #expect(ids.map { second.window(.list($0)) } == times)
        #expect(lists.map { second.enter($0) } == ids)
        let known = try #require(second.playlist(playlist))
        #expect(known.list == lists[1] && known.size == 77 && known.content == 0xfeed_0000_0000_0001)
        // The same list elsewhere, or with other bytes, is another one; a playlist is no list.
        #expect(second.list(ListTable.id(directory: 2, name: "a")) == nil)
        #expect(second.enter(playlistOf: lists[1], size: 77, content: 2) != playlist)
        #expect(second.list(playlist) == nil && second.playlist(ids[1]) == nil)
    }

    @Test func whatWasUsedLongestAgoIsForgottenAndIsTheSameAgainLater() throws {
        let memory = try Self.memory()
        let table = ListTable(memory, at: 64)
        func list(_ number: Int) -> ListTable.List { ListTable.List(directory: 0, name: "list \(number)") }
        let kept = try #require(table.enter(list(-1)))
        let room = ListTable.count - ListTable.directories
        for number in 0..<room + 100 {
            _ = try #require(table.enter(list(number)))
            #expect(table.list(kept) == list(-1))
        }
        let forgotten = ListTable.id(directory: 0, name: "list 50")
        #expect(table.list(forgotten) == nil && table.window(.list(forgotten)) == nil)
        #expect(table.list(ListTable.id(directory: 0, name: "list \(room)")) == list(room))
        #expect(table.enter(list(50)) == forgotten && table.list(forgotten) == list(50))
        // Nothing is in two places.
        let successor = ListTable(memory, at: 64)
        #expect(successor.list(forgotten) == list(50) && successor.list(kept) == list(-1))
        #expect(
            (-1..<room + 100).count { successor.list(ListTable.id(directory: 0, name: "list \($0)")) != nil } == room)
    }

    @Test func timesMoveWithTheDirectoryAndOnlyForward() throws {
        let memory = try Self.memory()
        let table = ListTable(memory, at: 64)
        let one = try #require(table.enter(ListTable.List(directory: 0, name: "one")))
        let other = try #require(table.enter(ListTable.List(directory: 1, name: "other")))
        let places: [ListTable.Place] = [.directory(0), .list(one), .directory(1), .list(other)]
        let before = try places.map { try #require(table.window($0)) }
        #expect(places.map { table.window($0) } == before)
        table.change(directory: 0)
        let after = try places.map { try #require(table.window($0)) }
        #expect(after[0] > before[0] && after[1] > before[1] && after[2...] == before[2...])
        #expect(places.map { ListTable(memory, at: 64).window($0) } == after)
        for _ in 0..<100 {
            let last = try #require(table.window(.list(one)))
            table.change(directory: 0)
            #expect(try #require(table.window(.list(one))) > last)
        }
    }

    @Test func theKernelIsToldOnceOfEachListingThatItMayHave() throws {
        let memory = try Self.memory()
        let table = ListTable(memory, at: 64)
        let one = try #require(table.enter(ListTable.List(directory: 0, name: "one")))
        let other = try #require(table.enter(ListTable.List(directory: 1, name: "other")))
        _ = try #require(table.enter(ListTable.List(directory: 0, name: "never listed")))
        for place in [ListTable.Place.directory(1), .list(one), .list(other)] { table.noteListed(place) }
        let successor = ListTable(memory, at: 64)
        #expect(successor.takeListed([0]) == [.list(one)])
        #expect(Set(successor.takeListed([0, 1])) == [.directory(1), .list(other)])
        #expect(successor.takeListed([0, 1]).isEmpty)
    }

    @Test func noBytesInItStopTheServer() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20 {
            let memory = try Self.memory()
            memory.store(64, (0..<64 + 40 * 320).map { _ in UInt8.random(in: 0...255, using: &random) })
            for slot in 16..<40 { memory.storeU32(128 + slot * 320, UInt32.random(in: 0...3, using: &random)) }
            let table = ListTable(memory, at: 64)
            for slot in 16..<40 {
                let id = memory.loadU64(128 + slot * 320 + 8) & VirtualNode.hashMask
                _ = (table.list(id), table.playlist(id), table.window(.list(id)))
            }
            _ = table.takeListed(Set(0..<16))
            table.change(directory: 3)
            #expect(table.enter(ListTable.List(directory: 3, name: "x")) != nil)
        }
    }
}
