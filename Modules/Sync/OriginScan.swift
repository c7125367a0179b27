import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// What a scan is to look at.
enum ScanScope {
    case everything
    /// Folders, each with what lies below it or without.
    case folders([(path: [UInt8], isRecursive: Bool)])
}

/// One scan of one origin: walk, compare, read the tags of what is new, write; and then the removals (architecture,
/// section 6).
struct OriginScan {
    let origin: any Origin
    let library: Library
    let media: any MediaReader
    /// For origins whose files are read in ranges.
    let remote: (any RemoteContent)?
    let monitor: ScanMonitor
    let settings: SyncSettings
    /// Reads the tags of files again that look as they are known.
    let rereads: Bool
    /// Times in which files are read again that look as they are known.
    let doubtful: [ClosedRange<Int64>]
    let log: Logger
    /// Called before a folder is listed, so that nothing that happens in it afterwards is missed.
    let willList: ([UInt8]) -> Void
    let isCancelled: () -> Bool
    let beat: () -> Void

    private enum Interrupted: Error { case cancelled }

    /// What the walk has found so far.
    private struct Findings {
        var vanished: [KnownFile] = []
        var visited = VisitedFolders()
        /// Folders that could not be listed: nothing below them is taken for removed.
        var unreadable: [[UInt8]] = []
        /// New files that may be old ones under another name.
        var arrivals: [Arrival] = []

        mutating func note(_ folder: [UInt8], _ difference: FolderDifference) {
            visited.insert(folder)
            vanished += difference.vanished
        }

        struct Arrival {
            var file: OriginFile
            var stamp: FileStamp
            var isAudio: Bool
        }
    }

    /// - Parameter acceptsRemovals: the user has confirmed that what vanished is gone.
    /// - Returns: whether it came to its end.
    func run(_ scope: ScanScope, acceptsRemovals: Bool) throws -> Bool {
        let reader = try library.makeReader()
        let writer = BatchWriter(library: library, monitor: monitor)
        if let local = origin as? LocalOrigin, !local.isRemote { try local.refresh() }
        let marker = try origin.answering { (origin, deadline) throws(OriginError) in
            try origin.marker(deadline: deadline)
        }
        let record = try reader.origins().first { $0.id == origin.id }
        let isFirst = (record?.files ?? 0) == 0
        let walk = FolderWalk(
            origin: origin, reader: reader, showsCompanions: settings.showsCompanions,
            wantsIdentity: settings.wantsIdentity, rereads: rereads, doubtful: doubtful)
        var findings = Findings()
        let roots: [(path: [UInt8], isRecursive: Bool)]
        switch scope {
        case .everything: roots = [([], true)]
        case .folders(let folders): roots = withoutOverlap(folders)
        }
        do {
            if case .everything = scope, origin.listsWhole {
                try takeListing(walk, writer, isFirst, &findings)
            }
            for root in roots where !(origin.listsWhole && root.path.isEmpty) {
                try self.walk(root.path, isRecursive: root.isRecursive, walk, writer, isFirst, &findings)
            }
        } catch Interrupted.cancelled {
            try writer.finish(beat: beat)
            return false
        }
        let vanished = VanishedFiles(
            origin: origin.id, reader: reader, roots: roots, visited: findings.visited,
            unreadable: findings.unreadable, fromListedFolders: findings.vanished)
        let paired = try settleArrivals(writer, walk, findings.arrivals, vanished)
        monitor.update { $0.phase = .applying }
        try writer.finish(beat: beat)
        try settleRemovals(
            record, marker: marker, vanished, paired: paired, acceptsRemovals: acceptsRemovals, scope: scope)
        return true
    }

    /// Each folder is looked at once: a file that was seen to vanish twice would be paired with its new name and then
    /// removed.
    private func withoutOverlap(
        _ folders: [(path: [UInt8], isRecursive: Bool)]
    ) -> [(path: [UInt8], isRecursive: Bool)] {
        var roots: [(path: [UInt8], isRecursive: Bool)] = []
        // Recursive ones first, shorter ones first: whatever lies within one that was taken is left out.
        let ordered = folders.sorted { left, right in
            left.isRecursive != right.isRecursive ? left.isRecursive : left.path.count < right.path.count
        }
        for folder in ordered {
            let isCovered = roots.contains { root in
                root.path == folder.path || (root.isRecursive && isWithin(folder.path, root.path))
            }
            if !isCovered { roots.append(folder) }
        }
        return roots
    }

    // MARK: The walk

    private func walk(
        _ root: [UInt8], isRecursive: Bool, _ walk: FolderWalk, _ writer: BatchWriter, _ isFirst: Bool,
        _ findings: inout Findings
    ) throws {
        let isLinked = (origin as? LocalOrigin)?.hasLink(on: root) ?? false
        var stack: [(path: [UInt8], isLinked: Bool)] = [(root, isLinked)]
        while let (path, isLinked) = stack.popLast() {
            if isCancelled() { throw Interrupted.cancelled }
            beat()
            willList(path)
            let difference: FolderDifference
            do {
                difference = try walk.difference(path, isLinked: isLinked)
            } catch let error as OriginError {
                if path.isEmpty { throw error }
                // Gone since it was listed, or named by an event: its files count as vanished.
                if error.code == .notFound { continue }
                try noteUnreadable(path, error, &findings)
                continue
            }
            findings.note(path, difference)
            try take(difference, of: path, writer, isFirst: isFirst, walk, &findings)
            monitor.update { $0.filesSeen += difference.files }
            try writer.flushIfDue()
            if isRecursive {
                for subfolder in difference.subfolders.reversed() where subfolder.path.count < 4000 {
                    stack.append(subfolder)
                }
            }
        }
    }

    /// All of the origin in one listing, in no order.
    private func takeListing(
        _ walk: FolderWalk, _ writer: BatchWriter, _ isFirst: Bool, _ findings: inout Findings
    ) throws {
        var found = findings
        defer { findings = found }
        try origin.listAll(
            below: [], isWanted: { !Names.isIgnored($0) },
            progress: {
                beat()
                return !isCancelled()
            }
        ) { path, entries in
            if isCancelled() { throw Interrupted.cancelled }
            let difference = try walk.difference(path, isLinked: false, entries)
            try take(difference, of: path, writer, isFirst: isFirst, walk, &found)
            found.note(path, difference)
            monitor.update { $0.filesSeen += difference.files }
            try writer.flushIfDue()
        }
        if isCancelled() { throw Interrupted.cancelled }
    }

    /// A folder cannot be listed. While the origin itself answers, that is the folder's own trouble; else the scan ends.
    private func noteUnreadable(_ path: [UInt8], _ error: OriginError, _ findings: inout Findings) throws {
        if origin.isFarAway {
            try origin.answering { (origin, deadline) throws(OriginError) in try origin.check(deadline: deadline) }
        }
        findings.unreadable.append(path)
        log.warning(
            "cannot list a folder; its files stay as they are known",
            metadata: ["origin": "\(origin.name)", "path": "\(display(path))", "error": "\(error)"])
    }

    private func take(
        _ difference: FolderDifference, of path: [UInt8], _ writer: BatchWriter, isFirst: Bool, _ walk: FolderWalk,
        _ findings: inout Findings
    ) throws {
        // Beyond this many, new files are taken for new at once rather than held back for a look at what vanished.
        let holdsBack = !isFirst && findings.arrivals.count < 10_000
        for (name, stamp, replica) in difference.audio {
            beat()
            let file = OriginFile(origin: origin.id, folder: path, name: name)
            if replica == nil, holdsBack {
                findings.arrivals.append(Findings.Arrival(file: file, stamp: stamp, isAudio: true))
            } else {
                try readTags(file, stamp, replica: replica, walk.reader, writer)
                try writer.flushIfDue()
            }
        }
        for (name, stamp, replica) in difference.companions {
            beat()
            let file = OriginFile(origin: origin.id, folder: path, name: name)
            if replica == nil, holdsBack {
                findings.arrivals.append(Findings.Arrival(file: file, stamp: stamp, isAudio: false))
            } else {
                writer.add(.companion(file, stamp, identity: companionIdentity(file, stamp)))
            }
        }
    }

    private func display(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

    // MARK: Renames

    private struct Identity: Hashable {
        var stamp: FileStamp
        var isAudio: Bool
    }

    /// Pairs new files with vanished ones by inode number, size and time; what has no match is read.
    ///
    /// - Returns: the vanished ones that have a new name.
    private func settleArrivals(
        _ writer: BatchWriter, _ walk: FolderWalk, _ arrivals: [Findings.Arrival], _ vanished: VanishedFiles
    ) throws -> Set<Int64> {
        var paired: Set<Int64> = []
        var waiting: [Identity: [Findings.Arrival]] = [:]
        for arrival in arrivals {
            let key = arrival.stamp.inode == 0 ? nil : Identity(stamp: arrival.stamp, isAudio: arrival.isAudio)
            if let key { waiting[key, default: []].append(arrival) } else { try takeNew(arrival, walk, writer) }
        }
        if !waiting.isEmpty {
            try vanished.forEach(beat: beat) { file in
                let key = Identity(stamp: file.stamp, isAudio: file.isAudio)
                guard let arrival = waiting[key]?.popLast() else { return }
                paired.insert(file.replica)
                writer.add(.moved(replica: file.replica, to: arrival.file, arrival.stamp))
                try writer.flushIfDue()
            }
        }
        for arrival in waiting.values.joined() { try takeNew(arrival, walk, writer) }
        return paired
    }

    private func takeNew(_ arrival: Findings.Arrival, _ walk: FolderWalk, _ writer: BatchWriter) throws {
        beat()
        if arrival.isAudio {
            try readTags(arrival.file, arrival.stamp, replica: nil, walk.reader, writer)
        } else {
            let identity = companionIdentity(arrival.file, arrival.stamp)
            writer.add(.companion(arrival.file, arrival.stamp, identity: identity))
        }
        try writer.flushIfDue()
    }

    // MARK: Removals

    private func settleRemovals(
        _ record: OriginRecord?, marker: UInt64, _ vanished: VanishedFiles, paired: Set<Int64>, acceptsRemovals: Bool,
        scope: ScanScope
    ) throws {
        // What was paired has left the folder that it was counted in, unless the whole folder was listed.
        let inListed = vanished.fromListedFolders.count { paired.contains($0.replica) }
        let gone = try vanished.count(beat: beat) - inListed
        let known = max(record?.files ?? 0, 1)
        var isFull = false
        if case .everything = scope { isFull = true }
        if gone > 0, !acceptsRemovals, let reason = suspicion(record, marker: marker, gone: gone, of: known) {
            return try note(suspicion: reason, record, isFull: isFull)
        }
        if gone > 0 { try remove(vanished, besides: paired) }
        // A look at some folders cannot clear the suspicion that others gave rise to.
        if isFull || record?.suspect == nil {
            try library.noteOrigin(origin.id, device: isFull ? marker : nil, suspect: nil, scanned: isFull)
        }
    }

    private func suspicion(_ record: OriginRecord?, marker: UInt64, gone: Int, of known: Int64) -> String? {
        if let before = record?.device, before != marker {
            return "its root is another directory or file system than before; is something not mounted?"
        }
        if Double(gone) > settings.removalBrake * Double(known) {
            return "\(gone) of \(known) files vanished at once; is something not mounted?"
        }
        return nil
    }

    private func note(suspicion: String, _ record: OriginRecord?, isFull: Bool) throws {
        if record?.suspect != suspicion {
            log.warning(
                """
                the origin is suspect: its vanished files stay in the tree; if they are gone for good, run \
                'musicfs origin rescan \(origin.name) --accept-removals'
                """, metadata: ["origin": "\(origin.name)", "reason": "\(suspicion)"])
        }
        monitor.update { $0.suspect = suspicion }
        try library.noteOrigin(origin.id, device: nil, suspect: suspicion, scanned: isFull)
    }

    private func remove(_ vanished: VanishedFiles, besides paired: Set<Int64>) throws {
        var batch: [LibraryChange] = []
        func apply() throws {
            let applied = try library.apply(batch)
            batch.removeAll(keepingCapacity: true)
            monitor.update { $0.filesRemoved += applied.removed }
        }
        try vanished.forEach(beat: beat) { file in
            if paired.contains(file.replica) { return }
            batch.append(.removed(replica: file.replica))
            if batch.count == 2000 { try apply() }
        }
        if !batch.isEmpty { try apply() }
    }
}
