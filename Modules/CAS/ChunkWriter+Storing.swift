import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// What is put becomes packs, and packs become known.
extension ChunkWriter {
    /// What a chunk that is put turns out to be.
    private enum Naming {
        case new(ChunkGroup.Named)
        /// The store has it already, for other versions.
        case known(Manifest.Entry)
        /// The version has it already; or it, or another one in its place, cannot be stored: nil.
        case settled(Manifest.Entry?)
    }

    /// Begins to store: what is new goes to the threads that make packs, in groups.
    func take(_ puts: [ChunkStore.Put]) throws {
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
    static func refuse(_ pack: ChunkGroup.StoredPack) { for chunk in pack.chunks { chunk.completion(nil) } }

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
        if shared.isEmpty { return [] }
        try index.transaction {
            for (pack, size) in sizes { try index.resize(pack, to: size) }
            _ = try index.add(shared, to: info)
        }
        return shared
    }

    func forgetPending(_ outcomes: [ChunkGroup.Outcome]) {
        for outcome in outcomes {
            pending.subtract(outcome.ids)
            pendingBytes -= outcome.size
        }
    }

    func enter(_ outcomes: [ChunkGroup.Outcome]) {
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
}
