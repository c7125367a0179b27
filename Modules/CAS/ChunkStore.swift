package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem
import Synchronization

/// Chunks on the cache's disk, and which versions they make up.
///
/// Reading happens on the caller's thread, which must be allowed to wait for the disk. Everything that changes
/// something is done by one thread of its own, in groups; nobody waits for it. No error of the disk is told to readers:
/// what cannot be stored is not stored, and what cannot be read is not there.
package final class ChunkStore: Sendable {
    let directory: FilePath
    let files: PackFiles
    /// Until when the index is waited for, CLOCK_MONOTONIC.
    private let opening: UInt64
    /// Bytes that all packs may have together.
    package let limit: Int64
    let log: Logger
    /// Told how many bytes had to go for others.
    let onEviction: @Sendable (Int64) -> Void
    let work: Condition<Work>
    let health = Mutex(StoreHealth())
    private let pressureNow = Atomic<Int>(0)
    private let reader: Mutex<Reader>
    package let hits = Counter()
    package let misses = Counter()
    package let refetched = Counter()
    let indexSerial = Counter()

    // A connection is not Sendable; this one lives and dies inside the lock.
    private struct Reader: ~Copyable {
        var statements: ManifestReader?
    }

    /// Something that the writing thread is to do while no files are being made.
    struct Job: Sendable {
        /// How many puts come before it, of all that there ever were.
        var after: Int
        /// Gets nil while there is no store to work with.
        var body: @Sendable (ChunkWriter?) throws -> Void
    }

    /// What waits for the writing thread.
    struct Work: Sendable {
        var puts: [Put] = []
        /// How many were ever taken from `puts`.
        var takenPuts = 0
        /// Bytes of `puts` and of those that are being written.
        var putBytes: Int64 = 0
        /// For the threads that make packs.
        var groups: [ChunkGroup] = []
        /// What they have done.
        var finished: [ChunkGroup.Outcome] = []
        /// Groups that the writing thread has begun and not seen the end of.
        var underWay = 0
        var jobs: [Job] = []
        var accesses: [ContentKey: Int64] = [:]
        var lastFlush = monotonicNanoseconds()
        /// Whether the index is there to be read.
        var isReady = false
        var isClosing = false
        var hasEnded = false
        var totals = IndexTotals()

    }

    /// One piece of a version that was fetched.
    struct Put: Sendable {
        var info: VersionInfo
        var offset: Int64
        var bytes: ContentBytes
        /// Called once it is stored, with the entry, or not, with nil.
        var completion: @Sendable (Manifest.Entry?) -> Void
    }

    /// At the start the writing thread opens the index, or makes it, which takes milliseconds, and seconds on a disk that
    /// others keep busy. Who opens a file meanwhile waits, since it may be had from nowhere else; but not for a disk that
    /// hangs. Nanoseconds.
    private static let patience: UInt64 = 10_000_000_000

    /// Bytes that may wait to be written; what comes beyond is not stored.
    private static let queueLimit: Int64 = 64 << 20

    /// Whether so much waits to be written that nothing should be fetched that can wait.
    var isBehind: Bool { work.withLock { $0.putBytes > Self.queueLimit / 2 } }

    /// Opens the store in a directory of its own. Cost: constant; an index that is missing is made anew in the
    /// background.
    ///
    /// - Throws: when there is no thread for it. A directory that cannot be used is no error: the store is then off.
    package init(
        directory: FilePath, limit: Int64, log: Logger, onEviction: @escaping @Sendable (Int64) -> Void = { _ in }
    ) throws {
        self.onEviction = onEviction
        self.directory = directory
        self.limit = limit
        self.log = log
        files = PackFiles(root: directory.appending("chunks"))
        work = Condition(Work())
        reader = Mutex(Reader())
        opening = monotonicNanoseconds() &+ Self.patience
        let writer = ChunkWriter.Handle(store: self)
        try startThread("cache-writer") { writer.run() }
        for number in 0..<Self.fileThreads { try startThread("cache-files-\(number)") { self.makeFiles() } }
    }

    var indexPath: FilePath { directory.appending(ChunkIndexFile.name) }

    // MARK: Reading

    /// What is stored of a version; empty when nothing is, or the index cannot be read.
    package func manifest(_ key: ContentKey) -> Manifest {
        guard work.wait(until: opening, { $0.isReady || isOff ? true : nil }) != nil, !isOff else { return Manifest() }
        do {
            return try reader.withLock { reader in
                if reader.statements == nil { reader.statements = try ManifestReader(indexPath) }
                do {
                    return try reader.statements?.manifest(key) ?? Manifest()
                } catch {
                    reader.statements = nil
                    throw error
                }
            }
        } catch {
            note(error)
            return Manifest()
        }
    }

    /// Forgets the connection for reading, after the index was replaced.
    func reopenReader() { reader.withLock { $0.statements = nil } }

    /// Reads chunks that follow on each other and verifies them.
    ///
    /// - Parameter buffer: has their length.
    /// - Returns: the first that is not there, any more, or not right, which the store then forgets; nil when all are.
    func read(_ entries: [Manifest.Entry], into buffer: UnsafeMutableRawBufferPointer) -> Manifest.Entry? {
        if isOff { return entries.first }
        guard let (entry, failure) = unsafe files.read(entries, into: buffer) else { return nil }
        switch failure {
        // Or it was evicted while its version was open.
        case .bad: submit { try $0.removeIfBad(entry.id) }
        case .system(let errno): note(SystemError("read", nil, errno))
        }
        return entry
    }

    // MARK: Changing

    /// Stores pieces of a version, some time. Each is a chunk of the version's grid, or a part of one; what is put at once
    /// comes into one pack as far as that has room.
    func put(_ puts: [Put]) {
        // What nobody will write is not to hold memory until the writing thread looks at it.
        let isUsed = !isOff && pressure < .noWrites
        let refused = work.withLock { work -> ArraySlice<Put> in
            guard isUsed, !work.isClosing else { return puts[...] }
            for (number, put) in puts.enumerated() {
                let count = Int64(unsafe put.bytes.buffer.count)
                guard work.putBytes + count <= Self.queueLimit else { return puts[number...] }
                work.puts.append(put)
                work.putBytes += count
            }
            return []
        }
        if refused.count < puts.count { work.broadcast() }
        for put in refused { put.completion(nil) }
    }

    /// Says what became of a put, whose bytes are not needed any more.
    func settle(_ put: Put, _ entry: Manifest.Entry?) {
        settle(unsafe put.bytes.buffer.count, put.completion, entry)
    }

    func settle(_ count: Int, _ completion: (Manifest.Entry?) -> Void, _ entry: Manifest.Entry?) {
        work.withLock { $0.putBytes -= Int64(count) }
        completion(entry)
    }

    /// Counts an open of a version.
    package func noteAccess(_ key: ContentKey) { work.withLock { $0.accesses[key, default: 0] += 1 } }

    func submit(_ job: @escaping @Sendable (ChunkWriter) throws -> Void) {
        work.withLock { if !$0.isClosing { $0.addJob { if let writer = $0 { try job(writer) } } } }
        work.broadcast()
    }

    /// Runs a job on the writing thread and waits for what it gives.
    func perform<R: Sendable>(_ job: @escaping @Sendable (ChunkWriter) throws -> R) throws -> R {
        let answer = Condition<Result<R, any Error>?>(nil)
        let isTaken = work.withLock { work in
            guard !work.isClosing else { return false }
            work.addJob { [self] writer in
                let result = Result {
                    guard let writer else { throw StoreIsOff() }
                    defer { self.work.withLock { $0.totals = writer.index.totals } }
                    return try job(writer)
                }
                if case .failure(let error) = result, error is SQLiteError || error is SystemError { note(error) }
                answer.withLock { $0 = result }
                answer.signal()
            }
            return true
        }
        guard isTaken else { throw StoreIsOff() }
        work.broadcast()
        return try answer.wait { $0 }.get()
    }

    /// Writes what waits, and ends the thread. Returns when it has ended, or after `patience`.
    package func close(patience: Duration = .seconds(5)) {
        work.withLock { $0.isClosing = true }
        work.broadcast()
        _ = work.wait(until: monotonicNanoseconds() &+ patience.nanoseconds) { $0.hasEnded ? true : nil }
    }

    // MARK: Health

    /// Whether the disk is not used at the moment, after errors.
    package var isOff: Bool { health.withLock { $0.isOff } }
    package var lastError: String? { health.withLock { $0.lastError } }

    var pressure: DiskPressure {
        get { DiskPressure(rawValue: pressureNow.load(ordering: .relaxed)) ?? .none }
        set { pressureNow.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Whether there is room for what nobody has asked for yet.
    package var allowsPrefetch: Bool { !isOff && pressure < .noPrefetch }

    /// The index is bad: the writing thread makes it anew from the chunks' own trailers.
    func noteDamage(_ what: String) {
        let isNews = health.withLock { health in
            defer { health.isIndexDamaged = true }
            return !health.isIndexDamaged
        }
        if isNews { log.warning("the cache's index is damaged and is made anew", metadata: ["error": "\(what)"]) }
        work.broadcast()
    }

    func noting(_ body: () throws -> Void) {
        do { try body() } catch { note(error) }
    }

    func note(_ error: any Error) {
        if let error = error as? SQLiteError, error.meaning == .damage { return noteDamage("\(error)") }
        let text = "\(error)"
        let (isNews, goesOff) = health.withLock { $0.note(text, at: monotonicNanoseconds()) }
        if isNews {
            log.warning(
                "the cache's disk gave an error; readers are served from the origins", metadata: ["error": "\(text)"])
        }
        if goesOff {
            log.error("the cache is switched off after 5 errors in a minute; it is tried again every minute")
        }
    }
}

/// The cache's disk cannot be used at the moment.
package struct StoreIsOff: Error, CustomStringConvertible {
    package var description: String { "the cache is switched off, since its disk gives errors; see the log" }
}

/// Reads manifests through a connection of its own.
final class ManifestReader {
    private let database: Database
    private let entries: Statement

    init(_ path: FilePath) throws(SQLiteError) {
        database = try Database.open(path, .readOnly, busyTimeout: 5000, cacheKibibytes: 2048)
        entries = try database.prepare(
            """
            SELECT e.offset, e.length, e.chunk, e.pack, e.position FROM manifests m JOIN entries e ON e.manifest = m.id
            WHERE m.key = ? ORDER BY e.offset
            """)
    }

    func manifest(_ key: ContentKey) throws(SQLiteError) -> Manifest {
        defer { entries.reset() }
        entries.bind(1, key.bytes)
        var result: [Manifest.Entry] = []
        while try entries.step() {
            result.append(try entries.entry())
        }
        return Manifest(result)
    }
}
