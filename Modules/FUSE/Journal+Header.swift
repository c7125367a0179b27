import MusicFSSystem

/// The journal's first page: what servers leave to their successors beside requests.
extension Journal {
    /// Where a number lies; its size is what it is read with.
    enum Field {
        static let magic = 0
        static let generation = 8
        static let epoch = 16
        static let blame = 28
        static let restarts = 32
        static let deathTime = 40
        static let deathSignal = 48
        static let slotsUsed = 56
        static let initRequestLength = 64
        static let initReplyLength = 68
        static let toldChange = 72
        static let libraryPlace = 80
        static let earlyDeaths = 84
        static let servedEpoch = 88
        static let movedEpoch = 96
        static let recoveryTime = 104
        static let recoveries = 112
        static let checkDeaths = 116
        static let initRequest = 128
        static let initReply = 512
    }

    /// Counts the servers; the guardian raises it before it starts one.
    package var generation: UInt64 { memory.loadU64(Field.generation) }
    package func raiseGeneration() { memory.addU64(Field.generation, 1) }

    /// The highest epoch that was ever given out.
    package var epoch: UInt64 {
        get { memory.loadU64(Field.epoch) }
        set { memory.storeU64(Field.epoch, newValue) }
    }

    /// The number in the library's `changes` up to which the kernel was told of them.
    var toldChange: Int64 {
        get { Int64(bitPattern: memory.loadU64(Field.toldChange)) }
        set { memory.storeU64(Field.toldChange, UInt64(bitPattern: newValue)) }
    }

    /// Which library the next server is to open; the daemon's own numbers, 0 at the start.
    package var libraryPlace: UInt32 {
        get { memory.loadU32(Field.libraryPlace) }
        set { memory.storeU32(Field.libraryPlace, newValue) }
    }

    /// The epoch of the library that was served last.
    var servedEpoch: UInt64 {
        get { memory.loadU64(Field.servedEpoch) }
        set { memory.storeU64(Field.servedEpoch, newValue) }
    }

    /// The epoch of the library that was copied from the cache directory to memory: its ids are given out there from then
    /// on. 0 where there is none.
    package var movedEpoch: UInt64 {
        get { memory.loadU64(Field.movedEpoch) }
        set { memory.storeU64(Field.movedEpoch, newValue) }
    }

    /// When a successor was last asked for since the library gave errors, nanoseconds of CLOCK_MONOTONIC, and how often
    /// within a minute of each other.
    package var recoveries: (time: UInt64, count: UInt32) {
        get { (memory.loadU64(Field.recoveryTime), memory.loadU32(Field.recoveries)) }
        set {
            memory.storeU64(Field.recoveryTime, newValue.time)
            memory.storeU32(Field.recoveries, newValue.count)
        }
    }

    /// How many servers in a row have died before they had served for a second.
    package var earlyDeaths: UInt32 {
        get { memory.loadU32(Field.earlyDeaths) }
        set { memory.storeU32(Field.earlyDeaths, newValue) }
    }

    /// How many servers in a row have died while they looked the stores through.
    package var checkDeaths: UInt32 {
        get { memory.loadU32(Field.checkDeaths) }
        set { memory.storeU32(Field.checkDeaths, newValue) }
    }

    /// How many servers were replaced without having been told to stop, and the last one's end.
    package struct Deaths: Hashable, Sendable {
        package var restarts: UInt64
        /// Nanoseconds since 1970; 0 when none died.
        package var lastTime: Int64
        /// The signal, or 0 for an exit of its own.
        package var lastSignal: Int32
    }

    package var deaths: Deaths {
        Deaths(
            restarts: memory.loadU64(Field.restarts),
            lastTime: Int64(bitPattern: memory.loadU64(Field.deathTime)),
            lastSignal: Int32(bitPattern: memory.loadU32(Field.deathSignal)))
    }

    /// - Parameter isBlamed: whether a request may have been the cause: not when somebody else killed the server.
    package func noteDeath(signal: Int32, isBlamed: Bool) {
        memory.storeU64(Field.deathTime, UInt64(bitPattern: wallClockNanoseconds()))
        memory.storeU32(Field.deathSignal, UInt32(bitPattern: signal))
        memory.storeU32(Field.blame, isBlamed ? 1 : 0)
        memory.addU64(Field.restarts, 1)
    }

    /// Whether the last server ended unplanned, of itself.
    package var hasBlame: Bool { memory.loadU32(Field.blame) != 0 }

    /// A server was replaced as planned: nothing is to blame for it.
    package func noteReplacement() { memory.storeU32(Field.blame, 0) }

    /// The connection's contract: the kernel's INIT request and our reply.
    package func saveInit(request: [UInt8], reply: [UInt8]) {
        memory.store(Field.initRequest, Array(request.prefix(384)))
        memory.storeU32(Field.initRequestLength, UInt32(min(request.count, 384)))
        memory.store(Field.initReply, Array(reply.prefix(384)))
        memory.storeU32(Field.initReplyLength, UInt32(min(reply.count, 384)))
    }

    package var initRequest: [UInt8] {
        memory.bytes(Field.initRequest, min(Int(memory.loadU32(Field.initRequestLength)), 384))
    }
    package var initReply: [UInt8] {
        memory.bytes(Field.initReply, min(Int(memory.loadU32(Field.initReplyLength)), 384))
    }

    /// Whether the connection was made for passthrough: its guardian had the privilege, and the kernel knows it.
    package var hasPassthrough: Bool { InitNegotiation.hasPassthrough(reply: initReply) }
}
