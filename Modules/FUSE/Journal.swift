package import MusicFSSystem
import Synchronization

/// What a server must know of its predecessors, in memory that the guardian owns and each server maps.
///
/// Above all the requests that were read from /dev/fuse and not yet answered, so that a successor can answer them. A
/// request is, at every instruction of the server, still in the kernel, or in the landing that its thread reads into,
/// or in a slot:
///
///     read(2) into the landing  ->  copy into a slot, mark the slot  ->  mark the landing consumed
///     writev(2) of the answer   ->  free the slot
///
/// A successor that serves what was answered already does no harm: the kernel says ENOENT.
///
/// Layout (native byte order, all offsets constant): a header page, the landings, the slots, backing ids, poison, lists.
package final class Journal: Sendable {
    package static let landingCount = 64
    /// The kernel demands room for 8 KiB, and for `max_write` and its header; ours is 4 KiB.
    package static let landingSize = 16 << 10
    static let slotCount = 16384
    static let slotSize = 512
    /// What a slot keeps of a request. The longest that has to survive is a name of 255 bytes behind two headers.
    static let slotCapacity = slotSize - 64
    private static let landings = 4096
    private static let slots = landings + landingCount * landingSize
    private static let backings = slots + slotCount * slotSize
    private static let backingCount = 16384
    private static let poison = backings + backingCount * 4
    private static let poisonCount = 1024
    private static let lists = poison + poisonCount * 8
    package static let size = lists + ListTable.size
    /// Says what lies where; one program can take over from another only where both agree.
    package static let layout: UInt64 = 0x4d46_534a_0000_0004

    /// In front of a landing's request.
    private enum Landing {
        /// The last request that was taken to a slot.
        static let taken = 0
        /// The one that its thread is handing to libfuse; 0 for none.
        static let handling = 8
        /// Whether the thread crashed, or hung until the end.
        static let mark = 16
        static let request = 64
    }

    private enum Slot {
        static let state = 0
        static let length = 4
        static let attempts = 8
        static let body = 64
    }

    let memory: SharedMemory
    private let state: Mutex<State>

    private struct State {
        /// Last in, first out, so that few pages are ever touched.
        var free: [Int] = []
        var slots: [UInt64: Int] = [:]
        /// The backing ids that the OPEN replies under way are to carry.
        var backings: [UInt64: UInt32] = [:]
        var used = 0
        /// Where the backing ids that are registered stand in the table.
        var backingPlaces: [UInt32: Int] = [:]
        var freeBackingPlaces: [Int] = []
        var usedBackingPlaces = 0
    }

    /// Makes the memory. By the guardian.
    package static func create() throws(SystemError) -> Journal {
        let memory = try SharedMemory.create(name: "musicfs-journal", size: size)
        memory.storeU64(Field.magic, layout)
        return Journal(memory)
    }

    /// Maps the memory that was inherited. By a server.
    /// - Throws: EINVAL when it is not a journal of this layout.
    package static func map(_ fd: SharedFD) throws(SystemError) -> Journal {
        let memory = try SharedMemory.map(fd, size: size)
        guard memory.loadU64(Field.magic) == layout else { throw SystemError("mmap", "journal", .invalid) }
        return Journal(memory)
    }

    private init(_ memory: SharedMemory) {
        self.memory = memory
        state = Mutex(State())
    }

    package var fd: CInt { memory.fd.raw }

    /// The names behind the ids of lists. Once, by a server.
    func listTable() -> ListTable { ListTable(memory, at: Journal.lists) }

    // MARK: Requests

    /// The memory that thread `index` reads requests into.
    func landing(_ index: Int) -> UnsafeMutableRawBufferPointer {
        unsafe memory.buffer(Journal.landings + index * Journal.landingSize + 64, Journal.landingSize - 64)
    }

    /// Notes which request thread `index` is handing to libfuse; 0 for none.
    func setHandling(_ index: Int, _ unique: UInt64) { memory.storeU64(start(index) + Landing.handling, unique) }

    /// The word to be set when thread `index` crashes.
    func mark(_ index: Int) -> UnsafeMutableRawBufferPointer { unsafe memory.buffer(start(index) + Landing.mark, 4) }

    private func start(_ index: Int) -> Int { Journal.landings + index * Journal.landingSize }

    /// To be called before each read: what lies in the landing is of the past.
    func clearLanding(_ index: Int) { memory.storeU32(Journal.landings + index * Journal.landingSize + 64, 0) }

    /// Takes the request that was read into a landing to a slot.
    ///
    /// - Returns: false when no slot is free; the caller tries again.
    func admit(landing index: Int, length: Int, unique: UInt64) -> Bool {
        let taken = state.withLock { state -> Int? in
            let slot: Int
            if let free = state.free.popLast() {
                slot = free
            } else if state.used < Journal.slotCount {
                slot = state.used
                state.used += 1
                memory.storeU64(Field.slotsUsed, UInt64(state.used))
            } else {
                return nil
            }
            state.slots[unique] = slot
            return slot
        }
        guard let slot = taken else { return false }
        let offset = Journal.slots + slot * Journal.slotSize
        let start = Journal.landings + index * Journal.landingSize
        memory.copy(from: start + 64, to: offset + Slot.body, count: min(length, Journal.slotCapacity))
        memory.storeU32(offset + Slot.length, UInt32(length))
        memory.storeU32(offset + Slot.attempts, 0)
        memory.storeU32(offset + Slot.state, 1)
        memory.storeU64(start, unique)
        return true
    }

    /// The request was answered.
    func release(_ unique: UInt64) {
        let slot = state.withLock { $0.slots[unique] }
        guard let slot else { return }
        memory.storeU32(Journal.slots + slot * Journal.slotSize + Slot.state, 0)
        state.withLock { state in
            state.slots[unique] = nil
            state.backings[unique] = nil
            state.free.append(slot)
        }
    }

    /// Lets the reply to an OPEN carry a backing id.
    func setBacking(_ id: UInt32, for unique: UInt64) { state.withLock { $0.backings[unique] = id } }
    func backing(for unique: UInt64) -> UInt32? { state.withLock { $0.backings[unique] } }

    /// Notes that a backing file is registered, so that a successor can close it: one that is left registered pins the
    /// origin's file system. Beyond 16,384 of them nothing is noted, and those end with the connection.
    func rememberBacking(_ id: UInt32) {
        let place = state.withLock { state -> Int? in
            var place = state.freeBackingPlaces.popLast()
            if place == nil, state.usedBackingPlaces < Journal.backingCount {
                place = state.usedBackingPlaces
                state.usedBackingPlaces += 1
            }
            if let place { state.backingPlaces[id] = place }
            return place
        }
        if let place { memory.storeU32(Journal.backings + place * 4, id) }
    }

    /// Notes that a backing file was closed.
    func forgetBacking(_ id: UInt32) {
        guard let place = state.withLock({ $0.backingPlaces.removeValue(forKey: id) }) else { return }
        memory.storeU32(Journal.backings + place * 4, 0)
        state.withLock { $0.freeBackingPlaces.append(place) }
    }

    /// The backing files that predecessors left registered; they are the caller's to close. Once, before any is added.
    func takeBackings() -> [UInt32] {
        (0..<Journal.backingCount).compactMap { place in
            let id = memory.loadU32(Journal.backings + place * 4)
            if id != 0 { memory.storeU32(Journal.backings + place * 4, 0) }
            return id == 0 ? nil : id
        }
    }

    /// How many requests are under way.
    package var pending: Int { state.withLock { $0.slots.count } }

    // MARK: Take-over

    /// A request that a predecessor left behind.
    package struct Inherited: Sendable {
        package var unique: UInt64
        package var nodeID: UInt64
        /// The whole request; nil when it was longer than a slot.
        package var bytes: [UInt8]?
        /// How many servers died with it under way and may have died of it.
        package var attempts: UInt32
        /// Whether a thread that crashed or hung was at it, or at another request for the same node: else it was only
        /// under way at the same time.
        package var isCulprit: Bool
    }

    /// Whether a thread of the server crashed or hung while it was at a request.
    package var hasCulprit: Bool {
        (0..<Journal.landingCount).contains {
            memory.loadU32(start($0) + Landing.mark) == 1 && memory.loadU64(start($0) + Landing.handling) != 0
        }
    }

    /// What the predecessor had read and not answered. Once, before any thread reads the device.
    package func takeOver() -> [Inherited] {
        let blame = memory.loadU32(Field.blame)
        let used = min(Int(clamping: memory.loadU64(Field.slotsUsed)), Journal.slotCount)
        state.withLock { state in
            state.used = used
            for slot in stride(from: used - 1, through: 0, by: -1) {
                let offset = Journal.slots + slot * Journal.slotSize
                if memory.loadU32(offset + Slot.state) == 1 {
                    state.slots[memory.loadU64(offset + Slot.body + 8)] = slot
                } else {
                    state.free.append(slot)
                }
            }
        }
        rescueLandings()
        let culprits = takeCulprits()
        var inherited: [Inherited] = []
        for (unique, slot) in state.withLock({ $0.slots }) {
            let offset = Journal.slots + slot * Journal.slotSize
            let node = memory.loadU64(offset + Slot.body + 16)
            let isCulprit = culprits.contains(node)
            // Where nothing is known of the thread, all that was under way is to blame.
            let attempts =
                memory.loadU32(offset + Slot.attempts) &+ (isCulprit || culprits.isEmpty ? blame : 0)
            memory.storeU32(offset + Slot.attempts, attempts)
            let length = Int(memory.loadU32(offset + Slot.length))
            inherited.append(
                Inherited(
                    unique: unique, nodeID: node,
                    bytes: length <= Journal.slotCapacity ? memory.bytes(offset + Slot.body, length) : nil,
                    attempts: attempts, isCulprit: isCulprit))
        }
        return inherited.sorted { $0.unique < $1.unique }
    }

    /// The nodes of the requests that crashed or hung threads of the predecessor were at.
    private func takeCulprits() -> Set<UInt64> {
        var nodes: Set<UInt64> = []
        for index in 0..<Journal.landingCount {
            let unique = memory.loadU64(start(index) + Landing.handling)
            if memory.loadU32(start(index) + Landing.mark) == 1, unique != 0,
                let slot = state.withLock({ $0.slots[unique] })
            {
                nodes.insert(memory.loadU64(Journal.slots + slot * Journal.slotSize + Slot.body + 16))
            }
            memory.storeU32(start(index) + Landing.mark, 0)
            setHandling(index, 0)
        }
        return nodes
    }

    // MARK: Poison

    /// Files of which opening or reading killed two servers; it is not tried again on this mount. At most 1,024.
    var poisonedNodes: Set<UInt64> {
        Set((0..<Journal.poisonCount).map { memory.loadU64(Journal.poison + $0 * 8) }.filter { $0 != 0 })
    }

    func addPoison(_ node: UInt64) {
        guard !poisonedNodes.contains(node) else { return }
        for place in 0..<Journal.poisonCount where memory.loadU64(Journal.poison + place * 8) == 0 {
            return memory.storeU64(Journal.poison + place * 8, node)
        }
    }

    /// Requests that had been read and not yet been copied into a slot.
    private func rescueLandings() {
        for index in 0..<Journal.landingCount {
            let start = Journal.landings + index * Journal.landingSize
            let length = Int(memory.loadU32(start + 64))
            let opcode = memory.loadU32(start + 68)
            let unique = memory.loadU64(start + 72)
            let isKnown = state.withLock { $0.slots[unique] != nil }
            guard length >= 40, length <= Journal.landingSize - 64, unique != memory.loadU64(start), !isKnown,
                Journal.isJournaled(opcode)
            else { continue }
            _ = admit(landing: index, length: length, unique: unique)
        }
    }

    /// FORGET, INTERRUPT and BATCH_FORGET have no answer; the ids of files need no count of look-ups.
    static func isJournaled(_ opcode: UInt32) -> Bool { opcode != 2 && opcode != 36 && opcode != 42 }
}
