import MusicFSCache
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

/// Opening the index, or building it.
extension SearchIndexer {
    /// Opens the index where it is of this library and as it was written; else builds it from all tracks.
    func open(_ reader: LibraryReader, _ context: TaskContext) throws -> SearchIndex {
        closeIndex()
        removeOthers()
        let isRebuildWanted = state.withLock { state in
            defer { state.isRebuildWanted = false }
            return state.isRebuildWanted
        }
        if !isRebuildWanted, let index = try openCurrent(reader, context) { return index }
        try removeIndex()
        let index = try openIndex()
        // What can be searched meanwhile is better than a part of it.
        let isShown = state.withLock { state in
            if state.phase != .degraded { state.phase = .building }
            return state.searchable == nil
        }
        state.broadcast()
        if isShown { show(index) }
        try build(index, reader, context, isShown: isShown)
        return index
    }

    /// - Returns: nil where there is none, or it is not of the library as it is.
    private func openCurrent(_ reader: LibraryReader, _ context: TaskContext) throws -> SearchIndex? {
        // Before it is mapped, and not by a query: what of it is wrong would be answered.
        try SearchIndex.verify(directory)
        context.beat()
        let index = try openIndex()
        let sequence = index.sequence
        let known = max(changeAtStart, snapshot.indexed)
        guard sequence > 0, sequence <= known, try reader.changedTracks(after: sequence, limit: 1) != nil else {
            closeIndex()
            return nil
        }
        show(index)
        state.withLock { state in
            state.indexed = sequence
            // Until something was committed nobody knows that it is better.
            if state.phase != .degraded { state.phase = .ready }
        }
        state.broadcast()
        return index
    }

    private func openIndex() throws(SearchError) -> SearchIndex {
        let options = SearchIndex.Options(memoryBudget: 32 << 20) { [log] merge in
            do throws(SystemError) {
                try startThread("search-merge") {
                    merge()
                    // What a large merge took would stay for the daemon's life.
                    ThisProcess.releaseFreeMemory()
                }
            } catch {
                log.warning("the search index is not merged", metadata: ["error": "\(error)"])
            }
        }
        let index = try SearchIndex.open(directory, options: options)
        state.withLock { $0.index = index }
        return index
    }

    /// Nothing is written by the one that was open, in what is about to take its place.
    private func closeIndex() {
        guard let index = state.withLock({ $0.index }) else { return }
        index.close()
        state.withLock { if $0.index === index { $0.index = nil } }
    }

    func removeIndex() throws(SearchError) {
        closeIndex()
        try SearchIndex.remove(directory)
    }

    /// Removes the index of a library that has lost its last commits, before their numbers are used again.
    static func removeIfAhead(of library: Library, _ settings: DaemonSettings, _ log: Logger) {
        let directory = directory(of: settings.cacheDirectory, epoch: library.epoch)
        guard let snapshot = try? SearchSnapshot.open(directory), snapshot.sequence > library.lastChange else { return }
        do throws(SearchError) { try SearchIndex.remove(directory) } catch {
            log.warning("the search index cannot be removed", metadata: ["error": "\(error)"])
        }
    }

    /// Indexes of libraries that are gone.
    private func removeOthers() {
        let root = directory.parent
        guard let folder = try? MusicFSSystem.open(root, [.read, .directory]),
            let entries = try? listDirectory(folder.raw)
        else { return }
        for entry in entries where root.appending(entry.name) != directory {
            try? removeTree(root.appending(entry.name))
        }
    }

    /// Indexes all tracks. What is committed on the way has no number, so that it is begun again after a crash.
    ///
    /// - Parameter isShown: whether what is committed on the way is searched.
    private func build(
        _ index: SearchIndex, _ reader: LibraryReader, _ context: TaskContext, isShown: Bool
    ) throws {
        let begin = monotonicNanoseconds()
        let sequence = try reader.lastChange()
        var last: Int64 = 0
        var nextCommit = begin + 2_000_000_000
        while !context.isCancelled {
            context.beat()
            let records = try reader.tracks(after: last, limit: Self.page)
            guard let end = records.last else { break }
            try index.add(records.lazy.map(SearchDocument.init(_:)))
            last = end.id
            if monotonicNanoseconds() >= nextCommit {
                try index.commit(sequence: 0)
                if isShown { show(index) }
                nextCommit = monotonicNanoseconds() + 5_000_000_000
            }
        }
        guard !context.isCancelled else { return }
        try commit(index, sequence)
        ThisProcess.releaseFreeMemory()
        log.info(
            "the search index was built",
            metadata: [
                "tracks": "\(index.snapshot.documentCount)", "ms": "\((monotonicNanoseconds() - begin) / 1_000_000)",
            ])
    }
}

extension SearchDocument {
    /// What of a track can be found. A file without tags is found by its name.
    init(_ track: TrackRecord) {
        let fields: [(TagField, TextField)] = [
            (.title, .title), (.artist, .artist), (.album, .album), (.albumArtist, .albumArtist), (.genre, .genre),
            (.composer, .composer),
        ]
        let tags = track.tags ?? Tags()
        var texts = fields.flatMap { tag, field in tags.all(tag).map { Text(field, $0) } }
        if tags.first(.title) == nil { texts.append(Text(.title, String(decoding: track.fileName, as: UTF8.self))) }
        self.init(
            id: track.id, texts: texts, year: tags.year.map(Int64.init), track: tags.number(.track).map(Int64.init),
            disc: tags.number(.disc).map(Int64.init), duration: track.durationMilliseconds,
            added: track.added / 1_000_000_000, origins: track.origins, format: track.format)
    }
}
