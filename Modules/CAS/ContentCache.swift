package import MusicFSCore
import MusicFSSQLite
package import MusicFSSystem
import Synchronization

/// Content versions of far-away origins, read through the chunk store: what was read once is there when the network is
/// not. Without a store everything is fetched, and still only once for all readers at a time.
package final class ContentCache: Sendable {
    package struct Settings: Hashable, Sendable {
        /// `cache.read_ahead`, bytes.
        package var readAhead: Int64
        /// The largest single fetch, bytes.
        package var largestFetch: Int64 = 2 << 20

        package init(readAhead: Int64) { self.readAhead = readAhead }
    }

    /// nil where `cache.max_size` is 0.
    package let store: ChunkStore?
    package let budget: BufferBudget
    /// Where what is read is put.
    package let memory: MemoryPool
    let settings: Settings
    /// Where the cache's disk is waited for.
    let lane: IOLane
    package let fetchedBytes = Counter()
    let foreground = Mutex(Foreground())
    /// The largest single fetch that each origin's line is good for, as the last fetch from it showed (bytes).
    private let pieces = Mutex<[String: Int64]>([:])
    private let files = Mutex<[ContentKey: Held]>([:])

    private struct Held {
        weak var file: CachedFile?
    }

    /// - Parameter timer: enforces the deadline of reads from the cache's disk, after which the origin is asked.
    package init(
        store: ChunkStore?, budget: BufferBudget, settings: Settings, timer: DeadlineTimer
    ) throws(SystemError) {
        self.store = store
        self.budget = budget
        memory = MemoryPool(limit: budget.limit / 4, timer: timer)
        self.settings = settings
        lane = try IOLane(name: "cache", threads: 4, deadline: .seconds(5), timer: timer)
    }

    /// Opens a version. `completion` is called on a thread of the cache's lane.
    ///
    /// - Parameter keeps: whether what is fetched is stored.
    package func open(
        _ info: VersionInfo, source: any RangeSource, keeps: Bool,
        completion: @escaping @Sendable (any OpenContent) -> Void
    ) {
        let finish = { @Sendable [self] (manifest: Manifest) in
            let file = share(info, manifest)
            completion(CachedContent(cache: self, file: file, source: source, keeps: keeps))
        }
        store?.noteAccess(info.key)
        lane.submit { [store] () throws(ContentError) -> Manifest in
            store?.manifest(info.key) ?? Manifest()
        } completion: { result in
            // The index hangs or the lane is full: everything is fetched.
            finish((try? result.get()) ?? Manifest())
        }
    }

    /// The state that all readers of a version share.
    func share(_ info: VersionInfo, _ manifest: Manifest) -> CachedFile {
        files.withLock { files in
            if let known = files[info.key]?.file { return known }
            let file = CachedFile(info: info, manifest: manifest)
            if files.count >= 1024 { files = files.filter { $0.value.file != nil } }
            files[info.key] = Held(file: file)
            return file
        }
    }

    /// nil where nothing was fetched from the origin yet.
    func piece(of origin: String) -> Int64? { pieces.withLock { $0[origin] } }
    func notePiece(_ piece: Int64, of origin: String) { pieces.withLock { $0[origin] = piece } }

    var openFiles: [CachedFile] { files.withLock { $0.values.compactMap(\.file) } }

    /// Memory is short, or no longer is: less is kept for readers, and what was fetched ahead is let go. To be called
    /// again while it lasts.
    package func setShortOfMemory(_ isShort: Bool) {
        budget.setShort(isShort)
        guard isShort else { return }
        relieve()
        memory.empty()
        store?.submit { try $0.index.database.releaseMemory() }
    }

    /// Waits for nobody: makes room for somebody who waits, by letting go of what was fetched ahead.
    func relieve() { for file in openFiles { file.dropAllBlocks() } }

    // MARK: What was fetched elsewhere

    /// Keeps what was fetched for reading tags, parts of chunks included: what is missing of them is fetched when it is
    /// read, and not all of them again.
    package func keep(_ info: VersionInfo, _ ranges: [(offset: Int64, bytes: ContentBytes)]) {
        guard let store else { return }
        store.put(
            ranges.flatMap { offset, bytes in
                let range = offset..<(offset + Int64(unsafe bytes.buffer.count))
                return puts(info, range) { bytes.slice(Int($0.lowerBound - offset)..<Int($0.upperBound - offset)) }
            })
    }

    /// What lies in a range, divided into chunks.
    ///
    /// - Parameter completion: called for each.
    func puts(
        _ info: VersionInfo, _ range: Range<Int64>,
        completion: @escaping @Sendable (Manifest.Entry?) -> Void = { _ in },
        _ slice: (Range<Int64>) -> ContentBytes?
    ) -> [ChunkStore.Put] {
        let grid = info.grid
        var puts: [ChunkStore.Put] = []
        var position = range.lowerBound
        while position < min(range.upperBound, grid.size) {
            let chunk = grid.chunk(at: position)
            let part = chunk.clamped(to: range)
            if let bytes = slice(part) {
                puts.append(.init(info: info, offset: part.lowerBound, bytes: bytes, completion: completion))
            }
            position = chunk.upperBound
        }
        return puts
    }

    /// Gives a new version the audio of the one before it (D24). Waits for the disk.
    package func adopt(_ old: ContentKey, payloadStart: Int64, for new: VersionInfo) throws {
        guard let store else { return }
        let entries = try store.perform { try $0.adopt(old, payloadStart: payloadStart, for: new) }
        let file = files.withLock { $0[new.key]?.file }
        for entry in entries { file?.stored(entry) }
    }

    /// Bytes of a version that are stored; nil unless all are, and right. Waits for the disk.
    package func storedBytes(_ key: ContentKey, _ range: Range<Int64>) -> [UInt8]? {
        guard let store, !range.isEmpty else { return nil }
        let manifest = store.manifest(key)
        var result: [UInt8] = []
        var position = range.lowerBound
        while position < range.upperBound {
            guard let entry = manifest.entry(at: position).entry else { return nil }
            var bytes = [UInt8](repeating: 0, count: entry.length)
            guard unsafe bytes.withUnsafeMutableBytes({ unsafe store.read([entry], into: $0) }) == nil else {
                return nil
            }
            let end = min(range.upperBound, entry.end)
            result += bytes[Int(position - entry.offset)..<Int(end - entry.offset)]
            position = end
        }
        return result
    }

    /// How many bytes of a version are stored. Waits for the disk.
    package func storedCount(_ key: ContentKey) -> Int64 { store?.manifest(key).bytes ?? 0 }

    package func close() { store?.close() }
}
