import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import Synchronization

/// Does what changes the store, on the store's one writing thread.
final class ChunkWriter {
    let store: ChunkStore
    var index: ChunkIndex
    /// Which file the index was when it was opened.
    private let indexFile: FileIdentity?
    private var nextLook: UInt64 = 0
    /// Chunks whose files are being made, and the room that they will take.
    var pending: Set<ChunkID> = []
    var pendingBytes: Int64 = 0

    /// What the thread begins with: the writer itself is made on it.
    struct Handle: Sendable {
        let store: ChunkStore

        func run() {
            ChunkWriter.loop(store)
            store.work.withLock { $0.hasEnded = true }
            store.work.broadcast()
        }
    }

    init(_ store: ChunkStore) throws {
        self.store = store
        try createDirectories(store.files.root, mode: 0o700)
        index = try ChunkIndex(store.indexPath)
        indexFile = try FileIdentity.of(store.indexPath)
        store.indexSerial.increment()
    }

    private static func loop(_ store: ChunkStore) {
        var writer: ChunkWriter?
        while true {
            // What is under way belongs to the writer that began it.
            let isQuiet = store.work.withLock { $0.underWay == 0 }
            if isQuiet, store.health.withLock({ $0.isIndexDamaged }) { setIndexAside(store, &writer) }
            if writer == nil, isQuiet, !store.isOff {
                do {
                    let made = try ChunkWriter(store)
                    store.work.withLock { work in
                        work.isReady = true
                        work.totals = made.index.totals
                    }
                    store.work.broadcast()
                    try made.begin()
                    writer = made
                } catch { store.note(error) }
            }
            let isLast = step(store, writer)
            if isLast { return }
            if isQuiet, store.health.withLock({ $0.isProbeDue(at: monotonicNanoseconds()) }) { probe(store, &writer) }
        }
    }

    /// - Returns: whether the store is closed and all is done.
    private static func step(_ store: ChunkStore, _ writer: ChunkWriter?) -> Bool {
        // Woken by work; once a second it looks after the disk and flushes what is old.
        let deadline = monotonicNanoseconds() &+ 1_000_000_000
        _ = store.work.wait(until: deadline) { $0.hasStep ? true : nil }
        let (step, isClosing) = store.work.withLock { work in
            let step = work.takeStep()
            return (step, work.isClosing && work.isIdle && step.puts.isEmpty)
        }
        writer?.forgetPending(step.finished)
        guard let writer, !store.isOff else {
            for pack in step.finished.flatMap({ (try? $0.stored.get()) ?? [] }) { refuse(pack) }
            for put in step.puts { store.settle(put, nil) }
            for job in step.jobs { try? job(nil) }
            if !isClosing, writer == nil { _ = pollReadable([], milliseconds: 200) }
            return isClosing
        }
        writer.enter(step.finished)
        store.noting { try writer.take(step.puts) }
        for job in step.jobs { store.noting { try job(writer) } }
        store.noting {
            try writer.look()
            try writer.flushAccesses(isClosing)
        }
        store.work.withLock { $0.totals = writer.index.totals }
        if isClosing { try? writer.index.database.checkpoint() }
        return isClosing
    }

    private static func setIndexAside(_ store: ChunkStore, _ writer: inout ChunkWriter?) {
        let count = writer?.index.totals.chunks ?? 0
        writer = nil
        store.reopenReader()
        do throws(SystemError) {
            try DatabaseFile.setAside(store.indexPath)
            store.log.info("the cache's index is moved aside", metadata: ["chunks": "\(count)"])
        } catch { store.note(error) }
        store.health.withLock { $0.isIndexDamaged = false }
    }

    private static func probe(_ store: ChunkStore, _ writer: inout ChunkWriter?) {
        do {
            try probeDirectory(store.directory)
            writer = nil
            store.reopenReader()
            store.health.withLock { $0.recovered() }
            store.log.info("the cache's disk works again")
        } catch {
            store.log.debug("the cache's disk still fails", metadata: ["error": "\(error)"])
        }
    }

    /// What a killed writer left, which takes room that the limit is about; and the index, where it is gone.
    private func begin() throws {
        let count = try rebuild { _ in true }
        if count > 0 {
            let message = index.isNew ? "the cache's index was made anew" : "the cache has chunks of a killed server"
            store.log.info("\(message)", metadata: ["chunks": "\(count)"])
        }
    }

    /// Looks at the disk every few seconds, and makes room where it is nearly full.
    private func look() throws {
        let now = monotonicNanoseconds()
        guard now >= nextLook else { return }
        nextLook = now &+ 5_000_000_000
        if try FileIdentity.of(store.indexPath) != indexFile {
            return store.noteDamage("its file was deleted or replaced")
        }
        store.pressure = DiskPressure(try FileSystemStatus.of(store.directory))
        if store.pressure >= .evict { try makeRoom(max(index.totals.used / 20, 1)) }
    }

    private func flushAccesses(_ isClosing: Bool) throws {
        let counts = store.work.withLock { work -> [ContentKey: Int64] in
            let isDue = monotonicNanoseconds() - work.lastFlush > 10_000_000_000 || work.accesses.count >= 100
            guard isClosing || isDue, !work.accesses.isEmpty else { return [:] }
            defer { work.accesses = [:] }
            work.lastFlush = monotonicNanoseconds()
            return work.accesses
        }
        if !counts.isEmpty { try index.transaction { try index.noteAccesses(counts) } }
    }

    // MARK: Removing

    /// Removes from the disk what the index does not name any more.
    func discard(_ freed: Freed) {
        for pack in freed.packs { store.files.remove(pack) }
        for (pack, places) in Dictionary(grouping: freed.chunks, by: \.pack) {
            let positions = Set(places.map(\.position))
            strike(in: pack) { positions.contains($0.position) }
        }
    }

    func strike(in pack: PackID, where isStruck: (ChunkTrailer) -> Bool) {
        do throws(PackFiles.Failure) {
            try store.files.strike(in: pack, where: isStruck)
        } catch {
            // Without the pack there is nothing to strike out.
            if case .system(let errno) = error { store.note(SystemError("write", store.files.root, errno)) }
        }
    }

    func makeRoom(_ bytes: Int64) throws {
        let before = index.totals.used
        defer { if index.totals.used < before { store.onEviction(before - index.totals.used) } }
        discard(try index.transaction { try index.evict(bytes, limit: store.limit) })
    }

    /// Whether a chunk that the index names is there and right, with its trailer.
    ///
    /// - Throws: SystemError when it cannot be read now; SQLiteError when it is right, and the index is not.
    func isWhole(_ id: ChunkID, _ known: ChunkIndex.Chunk) throws -> Bool {
        do throws(PackFiles.Failure) {
            let contents = try store.files.contents(of: known.place.pack)
            guard let found = contents.chunks.first(where: { $0.id == id }) else { return false }
            try store.files.verify(found.entry(at: 0))
            if found.length == known.length, found.place == known.place { return true }
        } catch {
            switch error {
            case .bad: return false
            case .system(let errno): throw SystemError("read", store.files.root, errno)
            }
        }
        throw SQLiteError.badRow("chunks", "length or position")
    }

    /// Removes a chunk that was read and was not right, unless it has been evicted or written anew since.
    func removeIfBad(_ id: ChunkID) throws {
        guard let known = try index.chunk(id) else { return }
        if try isWhole(id, known) {
            // It was read where it is not any more, or never was.
            if try index.isMisplaced(id, known) { throw SQLiteError.badRow("entries", "pack or position") }
            return
        }
        store.refetched.increment()
        store.log.warning("a chunk is missing or damaged and is fetched again", metadata: ["chunk": "\(id.text)"])
        try removeBad(id)
    }

    /// Removes a chunk that is not right.
    func removeBad(_ id: ChunkID) throws { discard(try index.transaction { try index.remove(id) }) }
}
