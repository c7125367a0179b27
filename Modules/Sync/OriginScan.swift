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
    let origin: LocalOrigin
    let library: Library
    let media: any MediaReader
    let monitor: ScanMonitor
    let settings: SyncSettings
    /// Reads the tags of files again that look as they are known.
    let rereads: Bool
    let log: Logger
    /// Called before a folder is listed, so that nothing that happens in it afterwards is missed.
    let willList: ([UInt8]) -> Void
    let isCancelled: () -> Bool
    let beat: () -> Void

    private enum Interrupted: Error { case cancelled }

    /// What the walk has found so far.
    private struct Findings {
        var vanished: [KnownFile] = []
        var visited: Set<[UInt8]> = []
        /// Folders that could not be listed: nothing below them is taken for removed.
        var unreadable: [[UInt8]] = []
        /// New files that may be old ones under another name.
        var arrivals: [(file: OriginFile, stamp: FileStamp, isAudio: Bool)] = []
    }

    /// - Parameter acceptsRemovals: the user has confirmed that what vanished is gone.
    /// - Returns: whether it came to its end.
    func run(_ scope: ScanScope, acceptsRemovals: Bool) throws -> Bool {
        let reader = try library.makeReader()
        let writer = BatchWriter(library: library, monitor: monitor)
        try origin.refresh()
        let marker = try origin.marker()
        let record = try reader.origins().first { $0.id == origin.id }
        let isFirst = (record?.files ?? 0) == 0
        let walk = FolderWalk(
            origin: origin, reader: reader, showsCompanions: settings.showsCompanions,
            wantsIdentity: settings.wantsIdentity, rereads: rereads)
        var findings = Findings()
        let roots: [(path: [UInt8], isRecursive: Bool)]
        switch scope {
        case .everything: roots = [([], true)]
        case .folders(let folders): roots = withoutOverlap(folders)
        }
        do {
            for root in roots {
                try self.walk(root.path, isRecursive: root.isRecursive, walk, writer, isFirst, &findings)
            }
        } catch Interrupted.cancelled {
            try writer.finish()
            return false
        }
        try findVanishedFolders(reader, roots, &findings)
        try settleArrivals(writer, walk, &findings)
        monitor.update { $0.phase = .applying }
        try writer.finish()
        try settleRemovals(record, marker: marker, findings, acceptsRemovals: acceptsRemovals, scope: scope)
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
        var stack: [(path: [UInt8], isLinked: Bool)] = [(root, isBelowLink(root))]
        while let (path, isLinked) = stack.popLast() {
            if isCancelled() { throw Interrupted.cancelled }
            beat()
            willList(path)
            let difference: FolderDifference
            do {
                difference = try walk.difference(path, isLinked: isLinked)
            } catch let error as SystemError {
                if path.isEmpty { throw error }
                // Gone since it was listed, or named by an event: its files count as vanished.
                if error.errno == .noEntry || error.errno == .notDirectory || error.errno == .crossDevice { continue }
                findings.unreadable.append(path)
                log.warning(
                    "cannot list a folder; its files stay as they are known",
                    metadata: ["origin": "\(origin.name)", "path": "\(display(path))", "error": "\(error)"])
                continue
            }
            findings.visited.insert(path)
            findings.vanished += difference.vanished
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

    /// Whether one of the folders on the way is a symbolic link.
    private func isBelowLink(_ path: [UInt8]) -> Bool {
        var prefix: [UInt8] = []
        for component in path.split(separator: UInt8(ascii: "/")) {
            prefix = prefix.isEmpty ? Array(component) : prefix + [UInt8(ascii: "/")] + component
            if let status = try? FileStatus.ofLink(origin.root.appending(prefix)), status.kind == .symbolicLink {
                return true
            }
        }
        return false
    }

    private func take(
        _ difference: FolderDifference, of path: [UInt8], _ writer: BatchWriter, isFirst: Bool, _ walk: FolderWalk,
        _ findings: inout Findings
    ) throws {
        // Beyond this many, new files are taken for new at once rather than held back for a look at what vanished.
        let holdsBack = !isFirst && findings.arrivals.count < 10_000
        for (name, stamp, replica) in difference.audio {
            let file = OriginFile(origin: origin.id, folder: path, name: name)
            if replica == nil, holdsBack {
                findings.arrivals.append((file, stamp, true))
            } else {
                readTags(file, stamp, writer)
                try writer.flushIfDue()
            }
        }
        for (name, stamp, replica) in difference.companions {
            let file = OriginFile(origin: origin.id, folder: path, name: name)
            if replica == nil, holdsBack {
                findings.arrivals.append((file, stamp, false))
            } else {
                writer.add(.companion(file, stamp, identity: companionIdentity(file, stamp)))
            }
        }
    }

    private func readTags(_ file: OriginFile, _ stamp: FileStamp, _ writer: BatchWriter) {
        writer.begin()
        let path = FilePath(bytes: joined(file.folder, file.name)) ?? "/"
        let complete = { @Sendable (content: AudioContent) in
            var stamp = stamp
            // A stamp that no file has: the next scan takes the file for changed.
            if case .postponed = content { stamp.inode = 0 }
            writer.complete(.audio(file, stamp, content))
        }
        do throws(SystemError) {
            media.read(
                try origin.open(path), name: file.name, wantsIdentity: settings.wantsIdentity, completion: complete)
        } catch { complete(.postponed(reason: "cannot be opened: \(error.errno)")) }
    }

    /// Tells equal companions of several discs or origins from different ones: XXH3 over the whole of small files.
    private func companionIdentity(_ file: OriginFile, _ stamp: FileStamp) -> [UInt8]? {
        let isDisc = DiscFolder.matches(Array(file.folder.split(separator: UInt8(ascii: "/")).last ?? []))
        guard isDisc || settings.wantsIdentity, stamp.size <= 16 << 20,
            let path = FilePath(bytes: joined(file.folder, file.name)), let fd = try? origin.open(path),
            let bytes = try? readFully(fd.raw, at: 0, count: Int(stamp.size))
        else { return nil }
        return ContentHash.xxh3(bytes)
    }

    private func joined(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
        folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
    }

    private func display(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

    // MARK: Renames

    private struct Identity: Hashable {
        var stamp: FileStamp
        var isAudio: Bool
    }

    /// Pairs new files with vanished ones by inode number, size and time; what has no match is read.
    private func settleArrivals(_ writer: BatchWriter, _ walk: FolderWalk, _ findings: inout Findings) throws {
        var gone: [Identity: [Int]] = [:]
        for (index, file) in findings.vanished.enumerated() where file.stamp.inode != 0 {
            gone[Identity(stamp: file.stamp, isAudio: file.isAudio), default: []].append(index)
        }
        var paired: Set<Int> = []
        for (file, stamp, isAudio) in findings.arrivals {
            if let index = gone[Identity(stamp: stamp, isAudio: isAudio)]?.popLast() {
                paired.insert(index)
                writer.add(.moved(replica: findings.vanished[index].replica, to: file, stamp))
            } else if isAudio {
                readTags(file, stamp, writer)
            } else {
                writer.add(.companion(file, stamp, identity: companionIdentity(file, stamp)))
            }
            try writer.flushIfDue()
        }
        findings.vanished = findings.vanished.enumerated().filter { !paired.contains($0.offset) }.map(\.element)
    }

    // MARK: Removals

    /// Adds the files of known folders which the walk should have come to and did not.
    private func findVanishedFolders(
        _ reader: LibraryReader, _ roots: [(path: [UInt8], isRecursive: Bool)], _ findings: inout Findings
    ) throws {
        var seen: Set<[UInt8]> = []
        for root in roots {
            let isGone = !findings.visited.contains(root.path)
            let known =
                root.isRecursive || isGone
                ? try reader.folders(origin: origin.id, below: root.path) : []
            for folder in known where !findings.visited.contains(folder) && seen.insert(folder).inserted {
                if findings.unreadable.contains(where: { isWithin(folder, $0) }) { continue }
                findings.vanished += try reader.files(origin: origin.id, folder: folder)
            }
        }
    }

    private func isWithin(_ path: [UInt8], _ ancestor: [UInt8]) -> Bool {
        ancestor.isEmpty || path == ancestor || path.starts(with: ancestor + [UInt8(ascii: "/")])
    }

    private func settleRemovals(
        _ record: OriginRecord?, marker: UInt64, _ findings: Findings, acceptsRemovals: Bool, scope: ScanScope
    ) throws {
        let gone = findings.vanished
        let known = max(record?.files ?? 0, 1)
        var suspect: String?
        if !gone.isEmpty, !acceptsRemovals {
            if let before = record?.device, before != marker {
                suspect = "its root is another directory or file system than before; is something not mounted?"
            } else if Double(gone.count) > settings.removalBrake * Double(known) {
                suspect = "\(gone.count) of \(known) files vanished at once; is something not mounted?"
            }
        }
        var isFull = false
        if case .everything = scope { isFull = true }
        if let suspect {
            if record?.suspect != suspect {
                log.warning(
                    """
                    the origin is suspect: its vanished files stay in the tree; if they are gone for good, run \
                    'musicfs origin rescan \(origin.name) --accept-removals'
                    """, metadata: ["origin": "\(origin.name)", "reason": "\(suspect)"])
            }
            monitor.update { $0.suspect = suspect }
            try library.noteOrigin(origin.id, device: nil, suspect: suspect, scanned: isFull)
            return
        }
        for start in stride(from: 0, to: gone.count, by: 2000) {
            beat()
            let batch = try library.apply(
                gone[start..<min(start + 2000, gone.count)].map { .removed(replica: $0.replica) })
            monitor.update { $0.filesRemoved += batch.removed }
        }
        // A look at some folders cannot clear the suspicion that others gave rise to.
        if isFull || record?.suspect == nil {
            try library.noteOrigin(origin.id, device: isFull ? marker : nil, suspect: nil, scanned: isFull)
        }
    }
}
