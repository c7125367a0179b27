package import MusicFSSystem
import Synchronization

/// The search index in a directory of its own, for one writer.
///
/// Changes gather in memory, go to segments when they take too much of it, and count from `commit` on, all at once: after
/// a crash the index is as the last commit left it, and its `sequence` tells from where on to index again. Documents are
/// known by their ids, so that indexing one again does no harm. All methods may be called from any thread; they work on
/// the caller's.
package final class SearchIndex: Sendable {
    package struct Options: Sendable {
        /// What gathering may take, in bytes; more is written to a segment.
        package var memoryBudget: Int
        /// Runs a merge, once for each time that one is due; nil leaves merging to `merge` and `compact`.
        package var mergeExecutor: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
        /// Called before each change of a file; what it throws stops there, as a crash would.
        var beforeStep: (@Sendable (String) throws(SearchError) -> Void)?

        package init(
            memoryBudget: Int = 64 << 20,
            mergeExecutor: (@Sendable (@escaping @Sendable () -> Void) -> Void)? = nil
        ) {
            self.memoryBudget = memoryBudget
            self.mergeExecutor = mergeExecutor
        }
    }

    struct State {
        var manifest: IndexManifest
        /// What was committed.
        var snapshot: SearchSnapshot
        /// With what was flushed since, and the deletions since.
        var parts: [SearchSnapshot.Part]
        /// The numbers of the segments with deletions that were not committed.
        var changed: Set<UInt64> = []
        var builder = SegmentBuilder()
        /// Ids whose earlier versions go when the builder is flushed.
        var removals: Set<Int64> = []
        var isMerging = false
        /// The segment that a merge is writing.
        var merged: UInt64?
        var mergeFailure: SearchError?
        var isClosed = false
    }

    let directory: FilePath
    let options: Options
    let state: Mutex<State>

    /// Opens the index, or makes an empty one where there is none. What no manifest names is removed.
    ///
    /// - Throws: `SearchError`; after `.damaged` and `.version` remove it (`SearchIndex.remove`) and build it anew.
    package static func open(_ directory: FilePath, options: Options = Options()) throws(SearchError) -> SearchIndex {
        do throws(SystemError) { try createDirectories(directory, mode: 0o700) } catch {
            throw SearchError(.disk, "cannot make \(directory)", cause: error)
        }
        var manifest = IndexManifest()
        do throws(SearchError) { manifest = try IndexManifest.read(directory) } catch {
            if error.code != .missing { throw error }
        }
        let snapshot = SearchSnapshot(
            parts: try SearchSnapshot.parts(of: manifest, directory), sequence: manifest.sequence)
        let index = SearchIndex(directory, options, manifest, snapshot)
        index.removeUnnamed(manifest)
        return index
    }

    /// Reads all files of an index and compares them with what its manifest says; none of them is mapped for it. Without an
    /// index there is nothing wrong.
    ///
    /// - Throws: `SearchError` with `.damaged`, `.version` or `.disk`.
    package static func verify(_ directory: FilePath) throws(SearchError) {
        let manifest: IndexManifest
        do throws(SearchError) { manifest = try IndexManifest.read(directory) } catch {
            if error.code == .missing { return }
            throw error
        }
        for file in manifest.segments {
            try Segment.verify(directory.appending(file.name), file.high, file.low, mayBeGone: false)
        }
    }

    /// Removes the index's files; one that is open goes on with what it has, and fails to commit.
    package static func remove(_ directory: FilePath) throws(SearchError) {
        do throws(SystemError) {
            if (try? FileStatus.of(directory)) != nil { try removeTree(directory) }
        } catch { throw SearchError(.disk, "cannot remove \(directory)", cause: error) }
    }

    private init(
        _ directory: FilePath, _ options: Options, _ manifest: IndexManifest, _ snapshot: SearchSnapshot
    ) {
        self.directory = directory
        self.options = options
        state = Mutex(State(manifest: manifest, snapshot: snapshot, parts: snapshot.parts))
    }

    /// Lets nothing more be written, and waits for what is being written: another may be opened in the directory then.
    /// What was not committed is forgotten; what was can be searched still.
    package func close() {
        while true {
            let isBusy = state.withLock { state in
                state.isClosed = true
                return state.isMerging
            }
            guard isBusy else { return }
            _ = pollReadable([], milliseconds: 10)
        }
    }

    static func checkOpen(_ state: State) throws(SearchError) {
        if state.isClosed { throw SearchError(.cancelled, "it was closed") }
    }

    /// What was committed last.
    package var snapshot: SearchSnapshot { state.withLock { $0.snapshot } }

    /// The last change that was committed.
    package var sequence: Int64 { state.withLock { $0.manifest.sequence } }

    /// How many documents were added or removed since.
    package var pendingCount: Int { state.withLock { $0.builder.count + $0.removals.count } }

    /// Why the last merge failed, if it did. The index is as before.
    package var mergeFailure: SearchError? { state.withLock { $0.mergeFailure } }

    // MARK: Changes

    /// Adds documents, in place of those with the same ids. They are found from the next commit on.
    ///
    /// - Throws: `SearchError`; then everything since the last commit is forgotten.
    package func add(_ documents: some Sequence<SearchDocument>) throws(SearchError) {
        try changing { (state: inout State) throws(SearchError) in
            for document in documents {
                state.builder.add(document)
                if state.builder.byteCount > options.memoryBudget { try flush(&state) }
            }
        }
    }

    /// Removes documents; ids that are not there are left out.
    package func remove(_ ids: some Sequence<Int64>) {
        state.withLock { state in
            for id in ids {
                state.builder.remove(id)
                state.removals.insert(id)
            }
        }
    }

    /// Puts everything since the last commit on the disk, and lets it be found.
    ///
    /// - Parameter sequence: the last change of the library that is in it.
    /// - Throws: `SearchError`; then everything since the last commit is forgotten, and is to be indexed again.
    package func commit(sequence: Int64) throws(SearchError) {
        try changing { (state: inout State) throws(SearchError) in
            try flush(&state)
            var manifest = state.manifest
            manifest.sequence = sequence
            let parts = try writeDeletions(state.parts, state.changed, &manifest)
            // No number is used again, whatever fails.
            state.manifest.next = manifest.next
            try replaceManifest(manifest, parts, &state)
            state.parts = state.snapshot.parts
            state.changed = []
        }
        scheduleMerge()
    }

    /// Changes the state; where that fails it is as the last commit left it.
    func changing(_ body: (inout State) throws(SearchError) -> Void) throws(SearchError) {
        try state.withLock { (state) throws(SearchError) in
            try SearchIndex.checkOpen(state)
            do throws(SearchError) { try body(&state) } catch {
                state.parts = state.snapshot.parts
                state.changed = []
                state.builder = SegmentBuilder()
                state.removals = []
                throw error
            }
        }
    }

    /// Writes what was gathered as a segment, behind which earlier versions of its documents are gone.
    private func flush(_ state: inout State) throws(SearchError) {
        for index in state.parts.indices {
            var part = state.parts[index]
            var deletions = part.deletions ?? Deletions(documents: part.segment.documentCount)
            let before = deletions.count
            func delete(_ id: Int64) {
                if let document = part.segment.document(id), document < part.segment.documentCount {
                    deletions.insert(document)
                }
            }
            for id in state.removals { delete(id) }
            for id in state.builder.identifiers { delete(id) }
            if deletions.count == before { continue }
            part.deletions = deletions
            state.parts[index] = part
            state.changed.insert(part.file.number)
        }
        state.removals = []
        if state.builder.isEmpty {
            state.builder = SegmentBuilder()
            return
        }
        let number = state.manifest.next
        state.manifest.next += 1
        let builder = state.builder
        state.parts.append(
            try makePart(number) { (path) throws(SearchError) in try builder.write(to: path) })
        state.builder = SegmentBuilder()
    }

    /// Writes a segment's file and opens it.
    func makePart(
        _ number: UInt64, _ write: (FilePath) throws(SearchError) -> Int
    ) throws(SearchError) -> SearchSnapshot.Part {
        var file = IndexManifest.SegmentFile(number: number, length: 0, high: 0, low: 0, documents: 0, deletions: 0)
        let path = directory.appending(file.name)
        try step("write segment")
        let segment: Segment
        do throws(SearchError) {
            file.length = try write(path)
            segment = try Segment.open(path, length: file.length)
        } catch {
            // On a full disk it would keep others from writing.
            try? unlink(path)
            throw error
        }
        (file.high, file.low) = segment.checksum
        file.documents = segment.documentCount
        return SearchSnapshot.Part(file: file, segment: segment, deletions: nil)
    }

    // MARK: Files

    func step(_ name: String) throws(SearchError) { try options.beforeStep?(name) }

    /// Writes the deletions that changed to new files; segments without a document are left out.
    func writeDeletions(
        _ parts: [SearchSnapshot.Part], _ changed: Set<UInt64>, _ manifest: inout IndexManifest
    ) throws(SearchError) -> [SearchSnapshot.Part] {
        var result: [SearchSnapshot.Part] = []
        for var part in parts where part.liveCount > 0 {
            if changed.contains(part.file.number), let deletions = part.deletions {
                part.file.deletions = manifest.next
                manifest.next += 1
                try step("write deletions")
                let path = directory.appending(part.file.deletionsName)
                try BufferedFile.create(path).finish(header: deletions.bytes)
            }
            result.append(part)
        }
        return result
    }

    /// Makes these parts the index. What was written for them has to be on the disk.
    func replaceManifest(
        _ manifest: IndexManifest, _ parts: [SearchSnapshot.Part], _ state: inout State
    ) throws(SearchError) {
        var manifest = manifest
        manifest.segments = parts.map(\.file)
        do throws(SystemError) {
            let folder = try MusicFSSystem.open(directory, [.read, .directory])
            try synchronize(folder.raw)
            try writeFileAtomically(directory.appending(IndexManifest.name), manifest.bytes) {
                (step) throws(SystemError) in try hook("\(step) manifest")
            }
        } catch { throw SearchError(.disk, "cannot replace the manifest", cause: error) }
        state.manifest = manifest
        state.snapshot = SearchSnapshot(parts: parts, sequence: manifest.sequence)
        try step("remove files")
        removeUnnamed(manifest, keeping: Set(state.parts.map(\.file.number) + [state.merged].compactMap { $0 }))
    }

    private func hook(_ name: String) throws(SystemError) {
        do throws(SearchError) { try step(name) } catch { throw SystemError(name, directory, .io) }
    }

    /// Removes what the manifest does not name; what cannot be removed is tried again with the next commit.
    private func removeUnnamed(_ manifest: IndexManifest, keeping numbers: Set<UInt64> = []) {
        var named: Set<String> = [IndexManifest.name]
        for file in manifest.segments {
            named.insert(file.name)
            if file.deletions != 0 { named.insert(file.deletionsName) }
        }
        for number in numbers { named.insert("\(number).segment") }
        guard let folder = try? MusicFSSystem.open(directory, [.read, .directory]),
            let entries = try? listDirectory(folder.raw)
        else { return }
        for entry in entries {
            let name = String(decoding: entry.name, as: UTF8.self)
            let isOurs = [".segment", ".deleted", ".tmp"].contains { name.hasSuffix($0) }
            if isOurs, !named.contains(name) { try? unlink(directory.appending(entry.name)) }
        }
    }
}
