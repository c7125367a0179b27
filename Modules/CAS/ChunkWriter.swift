import MusicFSCore
import MusicFSSQLite
import MusicFSSystem
import Synchronization

/// Does what changes the store, on the store's one writing thread.
final class ChunkWriter {
    let store: ChunkStore
    var index: ChunkIndex
    private var serial: UInt64 = 0
    private var nextLook: UInt64 = 0

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
    }

    private static func loop(_ store: ChunkStore) {
        var writer: ChunkWriter?
        while true {
            if writer == nil, !store.isOff {
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
            let isLast = step(store, &writer)
            if isLast { return }
            if store.health.withLock({ $0.isProbeDue(at: monotonicNanoseconds()) }) { probe(store, &writer) }
        }
    }

    /// - Returns: whether the store is closed and all is done.
    private static func step(_ store: ChunkStore, _ writer: inout ChunkWriter?) -> Bool {
        // Woken by work; once a second it looks after the disk and flushes what is old.
        let deadline = monotonicNanoseconds() &+ 1_000_000_000
        _ = store.work.wait(until: deadline) { $0.puts.isEmpty && $0.jobs.isEmpty && !$0.isClosing ? nil : true }
        let (puts, jobs, isClosing) = store.work.withLock { work in
            defer { work.jobs = [] }
            let puts = work.takePuts()
            return (puts, work.jobs, work.isClosing && work.puts.isEmpty)
        }
        let bytes = puts.reduce(0) { sum, put in sum + Int64(unsafe put.bytes.buffer.count) }
        defer { store.work.withLock { $0.putBytes -= bytes } }
        guard let writer, !store.isOff else {
            for put in puts { put.completion(nil) }
            for job in jobs { try? job(nil) }
            if !isClosing, writer == nil { _ = pollReadable([], milliseconds: 200) }
            return isClosing
        }
        do {
            try writer.look()
            try writer.take(puts)
            for job in jobs { try job(writer) }
            try writer.flushAccesses(isClosing)
        } catch { store.note(error) }
        store.work.withLock { $0.totals = writer.index.totals }
        if isClosing { try? writer.index.database.checkpoint() }
        return isClosing
    }

    private static func probe(_ store: ChunkStore, _ writer: inout ChunkWriter?) {
        do {
            try createDirectories(store.files.root, mode: 0o700)
            let path = store.directory.appending("probe.tmp")
            try writeFileAtomically(path, [1, 2, 3])
            guard try readFile(path) == [1, 2, 3] else { throw SystemError("probe", path, .io) }
            try unlink(path)
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

    // MARK: Storing

    private struct Written {
        var put: ChunkStore.Put
        var entry: Manifest.Entry
        var temporary: FilePath?
        var newTrailers: Int64
    }

    /// Stores a group: all are written, then synced together, named, and only then entered in the index.
    private func take(_ puts: [ChunkStore.Put]) throws {
        guard !puts.isEmpty else { return }
        var waiting = puts[...]
        defer { for put in waiting { put.completion(nil) } }
        guard store.pressure < .noWrites else { return }
        while !waiting.isEmpty {
            // A group is no larger than a sixteenth of the store, so that the limit holds while it is written.
            var size: Int64 = 0
            let group = waiting.prefix { put in
                size += Int64(unsafe put.bytes.buffer.count) + Int64(ChunkTrailer.byteCount)
                return size <= max(store.limit / 16, 1 << 20)
            }
            let taken = group.isEmpty ? waiting.prefix(1) : group
            waiting = waiting.dropFirst(taken.count)
            do {
                try store(Array(taken))
            } catch {
                for put in taken { put.completion(nil) }
                throw error
            }
        }
    }

    private func store(_ puts: [ChunkStore.Put]) throws {
        let needed = puts.reduce(0) { sum, put in
            sum + Int64(unsafe put.bytes.buffer.count) + Int64(ChunkTrailer.byteCount)
        }
        let excess = index.totals.used + needed - store.limit
        if excess > 0 { try makeRoom(excess) }
        guard index.totals.used + needed <= store.limit else {
            for put in puts { put.completion(nil) }
            return
        }
        var written: [Written] = []
        var unused: Set<ChunkID> = []
        do {
            for put in puts {
                if let one = try write(put, besides: written) { written.append(one) } else { put.completion(nil) }
            }
            if written.contains(where: { $0.temporary != nil }) {
                let directory = try open(store.files.root, [.read, .directory])
                try syncFileSystem(directory.raw)
                Failpoint.afterSync.pass()
            }
            for one in written { if let from = one.temporary { try store.files.publish(from, as: one.entry.id) } }
            Failpoint.afterWrite.pass()
            try index.transaction {
                for one in written {
                    let info = one.put.info
                    let isUsed = try index.add(
                        one.entry, to: info.key, manifest: index.ensureManifest(info), newTrailers: one.newTrailers)
                    if !isUsed { unused.insert(one.entry.id) }
                    Failpoint.inManifest.pass()
                }
            }
        } catch {
            for one in written { if let from = one.temporary { try? unlink(from) } }
            throw error
        }
        for id in unused { store.files.remove(id) }
        for one in written { one.put.completion(unused.contains(one.entry.id) ? nil : one.entry) }
    }

    /// Writes a chunk, or notes in its file that it is used once more; nil when another chunk has its name, or its place.
    private func write(_ put: ChunkStore.Put, besides written: [Written]) throws -> Written? {
        let bytes = unsafe UnsafeRawBufferPointer(put.bytes.buffer)
        let id = unsafe ChunkID(of: bytes)
        let entry = Manifest.Entry(offset: put.offset, length: bytes.count, id: id)
        let trailer = ChunkTrailer(info: put.info, offset: put.offset, length: entry.length, id: id)
        let present = try index.chunk(of: put.info.key, at: put.offset)
        if let present, present != id { return nil }
        if let known = try index.chunk(id) {
            if known.length == bytes.count, unsafe try store.files.holds(id, bytes) {
                if present == nil { try store.files.append(trailer) }
                return Written(put: put, entry: entry, newTrailers: present == nil ? 1 : 0)
            }
            guard !store.files.isWhole(id, length: known.length) else {
                store.log.error(
                    "two different chunks have one name; the second is not stored", metadata: ["chunk": "\(id.text)"])
                return nil
            }
            try index.transaction { try index.remove(id) }
        }
        if written.contains(where: { $0.entry.id == id && $0.temporary != nil }) {
            // Its file has no name yet; the next time it is asked for it will.
            return nil
        }
        Failpoint.beforeWrite.pass()
        serial += 1
        let temporary = unsafe try store.files.write(bytes, trailer, serial: serial)
        return Written(put: put, entry: entry, temporary: temporary, newTrailers: 1)
    }

    func makeRoom(_ bytes: Int64) throws {
        let unused = try index.transaction { try index.evict(bytes, limit: store.limit) }
        for id in unused { store.files.remove(id) }
    }

    /// Removes a chunk that was read and was not right, unless it has been written anew since.
    func removeIfBad(_ id: ChunkID) throws {
        if let known = try index.chunk(id), store.files.isWhole(id, length: known.length) { return }
        try removeBad(id)
    }

    /// Removes a chunk that is not right.
    func removeBad(_ id: ChunkID) throws {
        store.files.remove(id)
        try index.transaction { try index.remove(id) }
    }

    func remove(_ key: ContentKey) throws {
        let unused = try index.transaction { try index.remove(key) }
        for id in unused { store.files.remove(id) }
    }
}
