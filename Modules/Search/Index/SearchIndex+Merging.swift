import Synchronization

// Merges of committed segments, beside which changes and commits go on.
extension SearchIndex {
    /// So many segments of about one size are merged.
    private static let mergeFactor = 8
    /// Segments below this size are of one size, in documents.
    private static let smallest = 1000

    /// Merges what is due, on the caller's thread. Returns at once while another merge goes on.
    ///
    /// - Throws: `SearchError`; the index is as before.
    package func merge() throws(SearchError) {
        while try mergeOnce(SearchIndex.selection) {}
    }

    /// Merges everything to one segment without deletions, on the caller's thread.
    package func compact() throws(SearchError) {
        _ = try mergeOnce { parts in
            let needsIt = parts.count > 1 || parts.contains { ($0.deletions?.count ?? 0) > 0 }
            return needsIt ? parts.map(\.file.number) : []
        }
    }

    func scheduleMerge() {
        guard let executor = options.mergeExecutor,
            state.withLock({ !$0.isMerging && !SearchIndex.selection($0.snapshot.parts).isEmpty })
        else { return }
        executor { [weak self] in
            guard let self else { return }
            do throws(SearchError) { try self.merge() } catch { self.state.withLock { $0.mergeFailure = error } }
        }
    }

    /// Which segments to merge: those of the first size that has enough of them, or one that is mostly deleted.
    static func selection(_ parts: [SearchSnapshot.Part]) -> [UInt64] {
        for part in parts where part.liveCount * 2 < part.segment.documentCount { return [part.file.number] }
        var tiers: [Int: [UInt64]] = [:]
        for part in parts {
            var tier = 0
            var size = smallest
            while part.liveCount > size {
                size *= mergeFactor
                tier += 1
            }
            tiers[tier, default: []].append(part.file.number)
        }
        let due = tiers.filter { $0.value.count >= mergeFactor }.min { $0.key < $1.key }
        return due?.value ?? []
    }

    /// - Returns: whether something was merged.
    private func mergeOnce(_ select: ([SearchSnapshot.Part]) -> [UInt64]) throws(SearchError) -> Bool {
        let job = state.withLock { state -> (inputs: [SearchSnapshot.Part], number: UInt64)? in
            if state.isMerging || state.isClosed { return nil }
            state.mergeFailure = nil
            let numbers = select(state.snapshot.parts)
            let inputs = state.snapshot.parts.filter { numbers.contains($0.file.number) }
            if inputs.isEmpty { return nil }
            state.isMerging = true
            state.merged = state.manifest.next
            defer { state.manifest.next += 1 }
            return (inputs, state.manifest.next)
        }
        guard let (inputs, number) = job else { return false }
        defer {
            state.withLock { state in
                state.isMerging = false
                state.merged = nil
            }
        }
        // What is damaged must not be given a new checksum.
        for input in inputs { try input.segment.verify(input.file.high, input.file.low) }
        let merger = SegmentMerger(
            inputs.map { SegmentMerger.Input(segment: $0.segment, deletions: $0.deletions) })
        let merged =
            merger.documentCount == 0
            ? nil
            : try makePart(number) { (path) throws(SearchError) in try merger.write(to: path) }
        try state.withLock { (state) throws(SearchError) in try install(merged, inputs, &state) }
        return true
    }

    private func install(
        _ merged: SearchSnapshot.Part?, _ inputs: [SearchSnapshot.Part], _ state: inout State
    ) throws(SearchError) {
        let committed = replacing(inputs, by: merged, in: state.snapshot.parts)
        let working = replacing(inputs, by: merged, in: state.parts)
        try SearchIndex.checkOpen(state)
        var manifest = state.manifest
        // The manifest holds what was committed, and its sequence: what was flushed since is not in it.
        let isChanged = committed.first { $0.file.number == merged?.file.number }?.deletions != nil
        let changed: Set<UInt64> = isChanged ? Set([merged?.file.number].compactMap { $0 }) : []
        let parts = try writeDeletions(committed, changed, &manifest)
        state.manifest.next = manifest.next
        let (before, snapshot) = (state.parts, state.snapshot)
        state.parts = working
        do throws(SearchError) { try replaceManifest(manifest, parts, &state) } catch {
            if state.snapshot === snapshot { state.parts = before }
            throw error
        }
        // The generation of the deletions is known now.
        for index in state.parts.indices {
            if let part = parts.first(where: { $0.file.number == state.parts[index].file.number }) {
                state.parts[index].file = part.file
            }
        }
        if let merged, let part = state.parts.first(where: { $0.file.number == merged.file.number }),
            part.deletions?.count != parts.first(where: { $0.file.number == merged.file.number })?.deletions?.count
        {
            state.changed.insert(merged.file.number)
        }
    }

    /// The parts with the merged one in place of its inputs, in which is deleted what was deleted in them since.
    private func replacing(
        _ inputs: [SearchSnapshot.Part], by merged: SearchSnapshot.Part?, in parts: [SearchSnapshot.Part]
    ) -> [SearchSnapshot.Part] {
        var result = parts.filter { part in !inputs.contains { $0.file.number == part.file.number } }
        guard var merged else { return result }
        var deletions = Deletions(documents: merged.segment.documentCount)
        for input in inputs {
            let now = parts.first { $0.file.number == input.file.number }
            for document in 0..<input.segment.documentCount where input.deletions?.contains(document) != true {
                let isGone = now.map { $0.deletions?.contains(document) == true } ?? true
                if isGone, let place = merged.segment.document(input.segment.id(document)) { deletions.insert(place) }
            }
        }
        if deletions.count > 0 { merged.deletions = deletions }
        if merged.liveCount > 0 { result.insert(merged, at: 0) }
        return result
    }
}
