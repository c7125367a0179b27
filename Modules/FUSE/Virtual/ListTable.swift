import MusicFSCore
import MusicFSSystem
import Synchronization

/// What the lists are called that programs have looked up, in the journal's memory: a successor is asked for a list by
/// the id that its predecessor gave out.
///
/// Bounded: the list that was asked for longest ago is forgotten first; a program that still works in it gets ESTALE,
/// unless it looks its name up again.
final class ListTable: Sendable {
    /// How many directories of lists there can be; each has a place of its own before those of the lists.
    static let directories = 16
    static let count = 4096
    private static let recordSize = 320
    /// Bytes of the whole.
    static let size = 64 + count * recordSize
    /// For how long a list is not asked for again, where nothing has changed.
    static let lifetime: UInt64 = 300_000_000_000

    /// In a record. The times of programs are of the wall clock, the others of the monotonic one.
    private enum Field {
        static let state = 0
        static let directory = 4
        static let id = 8
        /// Shown as the time of its last change.
        static let modified = 16
        /// From when on its tracks are to be asked for again.
        static let until = 24
        static let used = 32
        static let size = 40
        /// A playlist's hash; when a directory's lists changed last.
        static let content = 48
        static let length = 56
        /// Whether the kernel may have kept a listing.
        static let listed = 60
        static let name = 64
    }

    private enum Header {
        /// How many slots were ever used.
        static let used = 0
        /// The latest of the times that were given out.
        static let time = 8
    }

    private enum Kind: UInt32 { case free = 0, list = 1, playlist = 2 }

    /// A directory of lists, or one of them.
    enum Place: Hashable, Sendable {
        case directory(Int)
        case list(UInt64)

        var node: VirtualNode {
            switch self {
            case .directory(let place): .directory(place)
            case .list(let id): .list(id)
            }
        }
    }

    struct List: Hashable, Sendable {
        /// The place of its directory.
        var directory: Int
        var name: String
    }

    struct Playlist: Hashable, Sendable {
        var list: List
        /// Exactly its bytes.
        var size: UInt64
        var content: UInt64
        /// Nanoseconds since 1970.
        var modified: Int64
    }

    private struct State {
        var slots: [UInt64: Int] = [:]
        /// Slots from here on were never used.
        var used = ListTable.directories
    }

    private let memory: SharedMemory
    private let start: Int
    private let state: Mutex<State>

    /// - Parameter start: where in the memory the table begins; zeroed at first.
    init(_ memory: SharedMemory, at start: Int) {
        self.memory = memory
        self.start = start
        var state = State()
        let used = Int(clamping: memory.loadU64(start + Header.used))
        state.used = min(max(used, Self.directories), Self.count)
        for slot in Self.directories..<state.used {
            let offset = start + 64 + slot * Self.recordSize
            guard let kind = Kind(rawValue: memory.loadU32(offset)), kind == .list || kind == .playlist else {
                continue
            }
            state.slots[Self.key(kind, memory.loadU64(offset + Field.id))] = slot
        }
        self.state = Mutex(state)
    }

    // MARK: Entering

    /// The id of a list, which it has wherever and whenever it is asked for.
    static func id(directory: Int, name: String) -> UInt64 { hash([UInt8(truncatingIfNeeded: directory)] + name.utf8) }

    /// Notes a list that was looked up.
    ///
    /// - Returns: nil for one whose id another list has: that is one in 2^56.
    func enter(_ list: List) -> UInt64? {
        let id = Self.id(directory: list.directory, name: list.name)
        return enter(.list, id, list) { offset, isNew in
            if isNew {
                memory.storeU64(offset + Field.modified, UInt64(bitPattern: nextTime()))
                memory.storeU64(offset + Field.until, monotonicNanoseconds() + Self.lifetime)
            }
        } ? id : nil
    }

    /// Notes a playlist that was looked up.
    ///
    /// - Parameter content: a hash of its bytes.
    /// - Returns: as `enter` of a list.
    func enter(playlistOf list: List, size: Int, content: UInt64) -> UInt64? {
        let bytes = stride(from: UInt64(0), to: 64, by: 8).map { UInt8(truncatingIfNeeded: content >> $0) }
        let id = Self.hash([UInt8(truncatingIfNeeded: list.directory)] + list.name.utf8 + [0] + bytes)
        return enter(.playlist, id, list) { offset, isNew in
            if isNew {
                memory.storeU64(offset + Field.modified, UInt64(bitPattern: nextTime()))
                memory.storeU64(offset + Field.size, UInt64(size))
                memory.storeU64(offset + Field.content, content)
            }
        } ? id : nil
    }

    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe ContentHash.xxh3Words($0).high } & VirtualNode.hashMask
    }

    /// Lists and playlists in one dictionary: ids have 56 bits.
    private static func key(_ kind: Kind, _ id: UInt64) -> UInt64 {
        UInt64(kind.rawValue) << 56 | id & VirtualNode.hashMask
    }

    private func offset(_ slot: Int) -> Int { start + 64 + slot * Self.recordSize }

    private func enter(_ kind: Kind, _ id: UInt64, _ list: List, _ fill: (Int, Bool) -> Void) -> Bool {
        let name = Array(list.name.utf8)
        guard name.count <= 255 else { return false }
        return state.withLock { state in
            if let slot = state.slots[Self.key(kind, id)] {
                let offset = offset(slot)
                guard memory.loadU32(offset + Field.directory) == UInt32(list.directory), bytes(offset) == name else {
                    return false
                }
                memory.storeU64(offset + Field.used, monotonicNanoseconds())
                fill(offset, false)
                return true
            }
            let slot = freeSlot(&state)
            let offset = offset(slot)
            // Until it is whole it is none: this process may end at any instruction.
            memory.storeU32(offset, Kind.free.rawValue)
            memory.storeU32(offset + Field.directory, UInt32(list.directory))
            memory.storeU64(offset + Field.id, id)
            memory.storeU64(offset + Field.used, monotonicNanoseconds())
            memory.storeU32(offset + Field.length, UInt32(name.count))
            memory.storeU32(offset + Field.listed, 0)
            memory.store(offset + Field.name, name)
            fill(offset, true)
            memory.storeU32(offset, kind.rawValue)
            state.slots[Self.key(kind, id)] = slot
            return true
        }
    }

    private func freeSlot(_ state: inout State) -> Int {
        if state.used < Self.count {
            state.used += 1
            memory.storeU64(start + Header.used, UInt64(state.used))
            return state.used - 1
        }
        var oldest = Self.directories
        var time = UInt64.max
        for slot in Self.directories..<Self.count {
            let used = memory.loadU64(offset(slot) + Field.used)
            if used < time { (oldest, time) = (slot, used) }
        }
        let offset = offset(oldest)
        if let kind = Kind(rawValue: memory.loadU32(offset)) {
            let key = Self.key(kind, memory.loadU64(offset + Field.id))
            if state.slots[key] == oldest { state.slots[key] = nil }
        }
        return oldest
    }

    private func bytes(_ offset: Int) -> [UInt8] {
        memory.bytes(offset + Field.name, min(Int(memory.loadU32(offset + Field.length)), 255))
    }

    // MARK: Looking

    /// The list of an id; nil when it was forgotten.
    func list(_ id: UInt64) -> List? { read(.list, id) { list($0) } ?? nil }

    func playlist(_ id: UInt64) -> Playlist? {
        read(.playlist, id) { offset in
            list(offset).map {
                Playlist(
                    list: $0, size: memory.loadU64(offset + Field.size),
                    content: memory.loadU64(offset + Field.content),
                    modified: Int64(bitPattern: memory.loadU64(offset + Field.modified)))
            }
        } ?? nil
    }

    private func read<R>(_ kind: Kind, _ id: UInt64, _ body: (Int) -> R) -> R? {
        state.withLock { state in
            guard let slot = state.slots[Self.key(kind, id)] else { return nil }
            memory.storeU64(offset(slot) + Field.used, monotonicNanoseconds())
            return body(offset(slot))
        }
    }

    private func list(_ offset: Int) -> List? {
        let directory = Int(memory.loadU32(offset + Field.directory))
        guard directory < Self.directories, let name = String(validating: bytes(offset), as: UTF8.self) else {
            return nil
        }
        return List(directory: directory, name: name)
    }

    // MARK: Times

    /// The time of a list's last change, which names what it holds by then: it moves, and only forward, when its
    /// directory has changed and after its lifetime.
    ///
    /// - Returns: nanoseconds since 1970; nil for a list that was forgotten.
    func window(_ place: Place) -> Int64? {
        state.withLock { state in
            guard let slot = slot(place, state) else { return nil }
            let offset = offset(slot)
            let now = monotonicNanoseconds()
            let directory =
                slot < Self.directories
                ? slot : min(Int(memory.loadU32(offset + Field.directory)), Self.directories - 1)
            let changed = Int64(bitPattern: memory.loadU64(self.offset(directory) + Field.content))
            let modified = Int64(bitPattern: memory.loadU64(offset + Field.modified))
            if modified > 0, modified >= changed, now < memory.loadU64(offset + Field.until) { return modified }
            let next = changed > modified ? changed : nextTime()
            memory.storeU64(offset + Field.modified, UInt64(bitPattern: next))
            memory.storeU64(offset + Field.until, now + Self.lifetime)
            return next
        }
    }

    private func slot(_ place: Place, _ state: borrowing State) -> Int? {
        switch place {
        case .directory(let place): place < Self.directories ? place : nil
        case .list(let id): state.slots[Self.key(.list, id)]
        }
    }

    /// The lists of a directory may hold other tracks from now on.
    func change(directory: Int) {
        guard directory < Self.directories else { return }
        state.withLock { _ in
            memory.storeU64(offset(directory) + Field.content, UInt64(bitPattern: nextTime()))
        }
    }

    /// The directory has other lists from now on.
    func expire(directory: Int) {
        guard directory < Self.directories else { return }
        state.withLock { _ in memory.storeU64(offset(directory) + Field.until, 0) }
    }

    /// The time, or a nanosecond after the last that was given out where the clock was set back. Under the lock.
    private func nextTime() -> Int64 {
        let time = max(wallClockNanoseconds(), Int64(bitPattern: memory.loadU64(start + Header.time)) &+ 1)
        memory.storeU64(start + Header.time, UInt64(bitPattern: time))
        return time
    }

    // MARK: What the kernel keeps

    /// The kernel is given a listing, and will keep it.
    func noteListed(_ place: Place) {
        state.withLock { state in
            if let slot = slot(place, state) { memory.storeU32(offset(slot) + Field.listed, 1) }
        }
    }

    /// What the kernel may have kept listings of, in these directories. It is told of each once.
    func takeListed(_ directories: Set<Int>) -> [Place] {
        state.withLock { state in
            var places: [Place] = []
            for slot in 0..<state.used where memory.loadU32(offset(slot) + Field.listed) != 0 {
                let offset = offset(slot)
                if slot < Self.directories {
                    guard directories.contains(slot) else { continue }
                    places.append(.directory(slot))
                } else {
                    guard directories.contains(Int(memory.loadU32(offset + Field.directory))) else { continue }
                    places.append(.list(memory.loadU64(offset + Field.id)))
                }
                memory.storeU32(offset + Field.listed, 0)
            }
            return places
        }
    }
}
