package import MusicFSCore
import MusicFSSQLite
import MusicFSSystem

/// What `cache stats` shows.
package struct CacheStatistics: Hashable, Sendable {
    package var usedBytes: Int64 = 0
    package var maxBytes: Int64 = 0
    package var chunks: Int64 = 0
    /// Entries of all manifests.
    package var references: Int64 = 0
    /// Bytes that sharing spares.
    package var savedBytes: Int64 = 0
    /// 1 minus unique bytes over referenced ones.
    package var dedupRatio: Double = 0
    package var pinnedBytes: Int64 = 0
    package var hits: UInt64 = 0
    package var misses: UInt64 = 0
    package var evictedBytes: Int64 = 0
    package var isOff = false
    package var lastError: String?

    package var hitRatio: Double { hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses) }
}

/// Looking after the store; all of it waits for the disk.
extension ContentCache {
    /// Sums that are kept with the index. Cost: constant.
    package var statistics: CacheStatistics {
        guard let store else { return CacheStatistics() }
        let totals = store.work.withLock { $0.totals }
        return CacheStatistics(
            usedBytes: totals.used, maxBytes: store.limit, chunks: totals.chunks, references: totals.uses,
            savedBytes: totals.usedBytes - totals.uniqueBytes,
            dedupRatio: totals.usedBytes == 0 ? 0 : 1 - Double(totals.uniqueBytes) / Double(totals.usedBytes),
            pinnedBytes: totals.pinned, hits: store.hits.value, misses: store.misses.value,
            evictedBytes: totals.evicted, isOff: store.isOff, lastError: store.lastError)
    }

    /// Compares every chunk with its name, and the index with the files; or puts right what is wrong.
    ///
    /// - Parameter progress: called now and then; ends the work by returning false, and then the result is nil.
    package func check(repairs: Bool, progress: @escaping @Sendable (StoreReport) -> Bool) throws -> StoreReport? {
        guard let store else { return StoreReport() }
        let look = { @Sendable (writer: ChunkWriter) throws -> StoreReport? in
            do { return try writer.check(repairs: repairs, progress) } catch is ChunkWriter.Cancelled { return nil }
        }
        do {
            return try store.perform(look)
        } catch let error as SQLiteError where error.meaning == .damage && repairs {
            // By now the index is made anew from the packs, and they are looked through with that.
            return try store.perform(look)
        }
    }

    /// Forgets everything, or what came from one origin.
    ///
    /// - Returns: the bytes that were freed.
    package func clear(origin: String?) throws -> Int64 {
        guard let store else { return 0 }
        let freed = try store.perform { try $0.clear(origin: origin) }
        for file in openFiles { file.forgetStored() }
        return freed
    }

    /// Forgets one version.
    package func forget(_ key: ContentKey) throws {
        guard let store else { return }
        try store.perform { try $0.remove(key) }
        for file in openFiles where file.info.key == key { file.forgetStored() }
    }

    /// Keeps versions from being evicted, or lets them go again.
    package func setPinned(_ keys: [ContentKey], _ isPinned: Bool) throws {
        guard let store else { return }
        try store.perform { writer in
            try writer.index.transaction { try writer.index.setPinned(keys, isPinned) }
        }
    }

    /// Counts the indexes that were opened: after each, the pins are to be told again.
    package var indexSerial: UInt64 { store?.indexSerial.value ?? 0 }

    /// Keeps exactly these versions from being evicted.
    package func replacePins(_ keys: Set<ContentKey>) throws {
        guard let store else { return }
        try store.perform { writer in
            let known = try writer.index.pins()
            try writer.index.transaction {
                try writer.index.setPinned(Array(known.subtracting(keys)), false)
                try writer.index.setPinned(Array(keys.subtracting(known)), true)
            }
        }
    }

    /// Waits until all that was fetched so far is stored, or dropped.
    package func flush() throws { try store?.perform { _ in } }
}
