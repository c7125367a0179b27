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
    private var pending: Set<ChunkID> = []
    private var pendingBytes: Int64 = 0

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

    // MARK: Storing

    /// What a chunk that is put turns out to be.
    private enum Naming {
        case new(ChunkGroup.Named)
        /// The store has it already, for other versions.
        case known(Manifest.Entry)
        /// The version has it already; or it, or another one in its place, cannot be stored: nil.
        case settled(Manifest.Entry?)
    }

    /// Begins to store: what is new goes to the threads that make packs, in groups.
    private func take(_ puts: [ChunkStore.Put]) throws {
        var waiting = puts[...]
        var named: [ChunkGroup.Named] = []
        var known: [VersionInfo: [ChunkGroup.Stored]] = [:]
        // After an error, what is not begun.
        defer {
            for put in waiting { store.settle(put, nil) }
            refuse(named)
            for one in known.values.joined() { store.settle(one.entry.length, one.completion, nil) }
        }
        guard store.pressure < .noWrites else { return }
        while let put = waiting.first {
            let naming = try name(put)
            waiting.removeFirst()
            switch naming {
            case .new(let chunk):
                named.append(chunk)
                pending.insert(chunk.id)
            case .known(let entry): known[put.info, default: []].append(.init(entry: entry, completion: put.completion))
            case .settled(let entry): store.settle(put, entry)
            }
        }
        while let (info, chunks) = known.first {
            let shared = Set(try share(chunks.map(\.entry), with: info))
            known[info] = nil
            for one in chunks {
                store.settle(one.entry.length, one.completion, shared.contains(one.entry) ? one.entry : nil)
            }
        }
        // A group is no larger than a sixteenth of the store, so that the limit holds while it is written.
        let most = max(store.limit / 16, 1 << 20)
        while !named.isEmpty {
            var size: Int64 = 0
            let count = named.prefix { chunk in
                size += Int64(chunk.length + ChunkTrailer.byteCount)
                return size <= most
            }.count
            let group = Array(named.prefix(max(count, 1)))
            named.removeFirst(group.count)
            try begin(group)
        }
    }

    /// Makes room for a group and hands it on.
    private func begin(_ chunks: [ChunkGroup.Named]) throws {
        let group = ChunkGroup(chunks) { index.totals.takePack() }
        do {
            let excess = index.totals.used + pendingBytes + group.size - store.limit
            if excess > 0 { try makeRoom(excess) }
        } catch {
            refuse(chunks)
            throw error
        }
        guard index.totals.used + pendingBytes + group.size <= store.limit else { return refuse(chunks) }
        pendingBytes += group.size
        store.work.withLock { work in
            work.groups.append(group)
            work.underWay += 1
        }
        store.work.broadcast()
    }

    /// No files are made of these after all.
    private func refuse(_ chunks: [ChunkGroup.Named]) {
        for chunk in chunks {
            pending.remove(chunk.id)
            store.settle(chunk.length, chunk.completion, nil)
        }
    }

    /// The chunks of a pack are not entered after all.
    private static func refuse(_ pack: ChunkGroup.StoredPack) { for chunk in pack.chunks { chunk.completion(nil) } }

    /// Names a chunk.
    private func name(_ put: ChunkStore.Put) throws -> Naming {
        let bytes = unsafe UnsafeRawBufferPointer(put.bytes.buffer)
        let id = unsafe ChunkID(of: bytes)
        let present = try index.chunk(of: put.info.key, at: put.offset)
        // Of one that is not in its pack yet, the next time it is asked for will make more.
        if present ?? id != id || pending.contains(id) { return .settled(nil) }
        let named = ChunkGroup.Named(
            info: put.info, offset: put.offset, length: bytes.count, id: id, bytes: put.bytes,
            completion: put.completion)
        guard let known = try index.chunk(id) else { return .new(named) }
        let entry = Manifest.Entry(offset: put.offset, length: bytes.count, id: id, place: known.place)
        if known.length == bytes.count, unsafe try store.files.holds(entry, bytes) {
            return present == nil ? .known(entry) : .settled(entry)
        }
        if try isWhole(id, known) {
            store.log.error(
                "two different chunks have one name; the second is not stored", metadata: ["chunk": "\(id.text)"])
            return .settled(nil)
        }
        try removeBad(id)
        return .new(named)
    }

    /// Notes that one more version uses chunks, in their packs and in the index.
    ///
    /// - Returns: those that are used now.
    func share(_ entries: [Manifest.Entry], with info: VersionInfo) throws -> [Manifest.Entry] {
        var shared: [Manifest.Entry] = []
        var sizes: [PackID: Int64] = [:]
        for (pack, entries) in Dictionary(grouping: entries, by: \.place.pack) {
            do throws(PackFiles.Failure) {
                sizes[pack] = try store.files.append(entries.map { ChunkTrailer(info: info, $0) }, to: pack)
                shared += entries
            } catch {
                switch error {
                // Without its trailer a chunk is no good, even where its bytes are right.
                case .bad: for entry in entries { try removeIfBad(entry.id) }
                case .system(let errno): store.note(SystemError("write", store.files.root, errno))
                }
            }
        }
        try index.transaction {
            for (pack, size) in sizes { try index.resize(pack, to: size) }
            _ = try index.add(shared, to: info)
        }
        return shared
    }

    private func forgetPending(_ outcomes: [ChunkGroup.Outcome]) {
        for outcome in outcomes {
            pending.subtract(outcome.ids)
            pendingBytes -= outcome.size
        }
    }

    private func enter(_ outcomes: [ChunkGroup.Outcome]) {
        for outcome in outcomes { store.noting { try commit(try outcome.stored.get()) } }
    }

    /// Enters packs whose files are there.
    private func commit(_ packs: [ChunkGroup.StoredPack]) throws {
        var freed = Freed()
        var refused: Set<ChunkPlace> = []
        do {
            try index.transaction {
                for pack in packs {
                    try index.enter(pack.id, size: pack.size)
                    let unused = try index.add(pack.chunks.map(\.entry), to: pack.info)
                    freed += Freed(packs: try index.settle([pack.id: 0]), chunks: unused)
                    refused.formUnion(unused)
                }
            }
        } catch {
            for pack in packs {
                Self.refuse(pack)
                // Nobody would count it. Where the index is made anew, it is found there.
                if (error as? SQLiteError)?.meaning != .damage { store.files.remove(pack.id) }
            }
            throw error
        }
        discard(freed)
        for chunk in packs.lazy.flatMap(\.chunks) {
            chunk.completion(refused.contains(chunk.entry.place) ? nil : chunk.entry)
        }
    }

    /// Removes from the disk what the index does not name any more.
    func discard(_ freed: Freed) {
        for pack in freed.packs { store.files.remove(pack) }
        for (pack, places) in Dictionary(grouping: freed.chunks, by: \.pack) {
            let positions = Set(places.map(\.position))
            strike(in: pack) { positions.contains($0.position) }
        }
    }

    private func strike(in pack: PackID, where isStruck: (ChunkTrailer) -> Bool) {
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
            let entry = Manifest.Entry(offset: 0, length: found.length, id: id, place: found.place)
            try store.files.verify(entry)
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

    /// Forgets a version, which may not be what it is said to be: its trailers are struck out before the index forgets it,
    /// so that it does not come back.
    func remove(_ key: ContentKey) throws {
        let freed = try index.transaction { () throws -> Freed in
            guard let manifest = try index.manifest(key) else { return Freed() }
            let packs = Set(try index.entries(ofManifest: manifest.id).map(\.place.pack))
            let freed = try index.remove(key)
            let unused = Set(freed.chunks)
            for pack in packs {
                let isUnused = freed.packs.contains(pack)
                strike(in: pack) { trailer in
                    isUnused || trailer.info.key == key
                        || unused.contains(ChunkPlace(pack: pack, position: trailer.position))
                }
            }
            return freed
        }
        for pack in freed.packs { store.files.remove(pack) }
    }
}
