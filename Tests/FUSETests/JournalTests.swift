import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

/// A server that dies at any instruction leaves every request that it had read to its successor.
@Suite struct JournalTests {
    /// A request as the kernel writes it: header of 40 bytes and a body.
    private func request(_ unique: UInt64, opcode: UInt32 = 15, node: UInt64 = 7, body: Int = 40) -> [UInt8] {
        var bytes: [UInt8] = []
        func add<T: FixedWidthInteger>(_ value: T) {
            for shift in stride(from: 0, to: T.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        add(UInt32(40 + body))
        add(opcode)
        add(unique)
        add(node)
        bytes += [UInt8](repeating: 0, count: 16)
        bytes += (0..<body).map { UInt8(truncatingIfNeeded: $0) }
        return bytes
    }

    private func land(_ request: [UInt8], in journal: Journal, thread: Int = 0) {
        unsafe journal.landing(thread).copyBytes(from: request)
    }

    private func successor(_ journal: Journal) throws -> Journal {
        let fd = try checked("dup") { journal.fd }
        return try Journal.map(SharedFD(try borrowed(fd)))
    }

    /// A second descriptor, as a child process inherits one.
    private func borrowed(_ fd: CInt) throws -> OwnedFD {
        let box = OwnedFD(owning: fd)
        let copy = try box.duplicated()
        _ = box.release()
        return copy
    }

    @Test func aRequestThatWasReadAndNotCopiedIsRescued() throws {
        let journal = try Journal.create()
        land(request(42), in: journal)
        let inherited = try successor(journal).takeOver()
        #expect(inherited.map(\.unique) == [42])
        #expect(inherited.first?.bytes == request(42))
        #expect(inherited.first?.nodeID == 7)
    }

    @Test func aRequestInASlotIsInheritedOnce() throws {
        let journal = try Journal.create()
        let bytes = request(43)
        land(bytes, in: journal)
        #expect(journal.admit(landing: 0, length: bytes.count, unique: 43))
        #expect(try successor(journal).takeOver().map(\.unique) == [43])
    }

    @Test func anAnsweredRequestIsGone() throws {
        let journal = try Journal.create()
        let bytes = request(44)
        land(bytes, in: journal)
        #expect(journal.admit(landing: 0, length: bytes.count, unique: 44))
        journal.release(44)
        #expect(try successor(journal).takeOver().isEmpty)
        #expect(journal.pending == 0)
    }

    @Test func whatHasNoAnswerIsNotInherited() throws {
        let journal = try Journal.create()
        for (thread, opcode) in [UInt32(2), 36, 42].enumerated() {
            land(request(UInt64(50 + thread), opcode: opcode), in: journal, thread: thread)
        }
        #expect(try successor(journal).takeOver().isEmpty)
    }

    @Test func aRequestLongerThanASlotIsKnownWithoutItsBody() throws {
        let journal = try Journal.create()
        let bytes = request(60, body: 4000)
        land(bytes, in: journal)
        #expect(journal.admit(landing: 0, length: bytes.count, unique: 60))
        let inherited = try successor(journal).takeOver()
        #expect(inherited.count == 1 && inherited.first?.bytes == nil)
    }

    @Test func onlyBlamedDeathsCount() throws {
        let journal = try Journal.create()
        let bytes = request(70)
        land(bytes, in: journal)
        #expect(journal.admit(landing: 0, length: bytes.count, unique: 70))
        journal.noteDeath(signal: 9, isBlamed: false)
        #expect(try successor(journal).takeOver().first?.attempts == 0)
        journal.noteDeath(signal: 11, isBlamed: true)
        #expect(try successor(journal).takeOver().first?.attempts == 1)
        journal.noteDeath(signal: 11, isBlamed: true)
        #expect(try successor(journal).takeOver().first?.attempts == 2)
        #expect(journal.deaths.restarts == 3)
    }

    /// Requests come and go in any order through several servers; none is lost, none comes twice.
    @Test(arguments: 0..<10) func nothingIsLostOverManyServers(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var journal = try Journal.create()
        let first = journal
        var open: Set<UInt64> = []
        var next: UInt64 = 1
        for _ in 0..<20 {
            for _ in 0..<50 {
                if Bool.random(using: &random) || open.isEmpty {
                    let bytes = request(next, body: Int.random(in: 0...300, using: &random))
                    let thread = Int.random(in: 0..<4, using: &random)
                    land(bytes, in: journal, thread: thread)
                    #expect(journal.admit(landing: thread, length: bytes.count, unique: next))
                    open.insert(next)
                    next += 1
                } else if let answered = open.randomElement(using: &random) {
                    journal.release(answered)
                    open.remove(answered)
                }
            }
            let following = try successor(first)
            #expect(Set(following.takeOver().map(\.unique)) == open)
            journal = following
        }
    }

    @Test func foreignMemoryIsRefused() throws {
        let memory = try SharedMemory.create(name: "x", size: Journal.size)
        #expect(throws: SystemError.self) { try Journal.map(memory.fd) }
    }

    @Test func onlyTheRequestOfTheThreadThatCrashedIsBlamed() throws {
        let journal = try Journal.create()
        for (thread, unique) in [(0, UInt64(10)), (1, 11), (2, 12)] {
            // The last two are for one file.
            let bytes = request(unique, node: thread == 0 ? 7 : 8)
            land(bytes, in: journal, thread: thread)
            #expect(journal.admit(landing: thread, length: bytes.count, unique: unique))
            journal.setHandling(thread, unique)
        }
        unsafe journal.mark(1).storeBytes(of: 1, as: UInt32.self)
        journal.noteDeath(signal: 11, isBlamed: true)
        let second = try successor(journal)
        #expect(second.takeOver().map(\.attempts) == [0, 1, 1])
        // The second death says nothing of its thread: all that is under way is to blame.
        second.noteDeath(signal: 9, isBlamed: true)
        let third = try successor(second)
        let inherited = third.takeOver()
        #expect(inherited.map(\.attempts) == [1, 2, 2] && inherited.allSatisfy { !$0.isCulprit })
        third.addPoison(8)
        third.addPoison(8)
        third.addPoison(9)
        #expect(try successor(third).poisonedNodes == [8, 9])
    }
}
